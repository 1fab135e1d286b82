"""`modify`: change the payload that later rules see and that is executed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from rules_app.engine.actions.base import RuleAction
from rules_app.engine.actions.settings import Setting
from rules_app.engine.fields import names_country
from rules_app.engine.values import country_hint, scalar_problem, text_problem

MAX_DEPTH = 32
MAX_KEY = 500
MAX_SHOWN = 120


def _problem(value: Any) -> str | None:
    if not isinstance(value, Mapping) or not value:
        return "must be an object of payload fields and their new values (null removes a field)"
    return _json_problem(value, "", 1)


def _json_problem(value: Any, path: str, depth: int) -> str | None:
    if depth > MAX_DEPTH:
        return f"is nested deeper than {MAX_DEPTH} levels"
    if isinstance(value, Mapping):
        return _object_problem(value, path, depth)
    if isinstance(value, list | tuple):
        problems = (_json_problem(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value))
        return next((problem for problem in problems if problem), None)
    if isinstance(value, float) and not math.isfinite(value):
        return f"{path} must be a finite number"
    if isinstance(value, bool) and names_country(path):
        return f"{path} is {str(value).lower()}: {country_hint(value)}"
    problem = None if value is None else scalar_problem(value)
    return f"{path} {problem}" if problem else None


def _object_problem(value: Mapping[Any, Any], path: str, depth: int) -> str | None:
    for key, item in value.items():
        if not isinstance(key, str):
            return f"{path} has the key {key!r}, which is not text; quote it"
        if problem := text_problem(key, MAX_KEY):
            return f"a key in {path or 'changes'} {problem}"
        problem = _json_problem(item, f"{path}.{key}" if path else key, depth + 1)
        if problem:
            return problem
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Modify(RuleAction):
    """`changes` is a JSON merge patch (RFC 7396) of the payload; never changed after parsing."""

    type: ClassVar[str] = "modify"
    terminal: ClassVar[bool] = False
    synonyms: ClassVar[tuple[str, ...]] = ("patch",)

    changes: Annotated[dict[str, Any], Setting(_problem, kind="object")]

    def in_words(self) -> str:
        changes = json.dumps(self.changes, ensure_ascii=False)
        shown = changes if len(changes) <= MAX_SHOWN else f"{changes[:MAX_SHOWN]}…"
        return f"change the payload with {shown}, go on below"
