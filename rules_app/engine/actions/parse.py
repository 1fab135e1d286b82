"""Reads the action of a rule, and says everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from acteon_site.base.errors import FieldProblem
from rules_app.engine.actions.base import RuleAction
from rules_app.engine.actions.registry import ACTIONS, SYNONYMS
from rules_app.engine.suggest import unknown

UNSUPPORTED = ("state_machine",)  # types of the reference gateway
Problems = list[FieldProblem]


def parse_action(spec: Any, path: str, problems: Problems) -> RuleAction | None:
    """The action that `spec` describes, or None with its problems appended."""
    before = len(problems)
    action = _type_of(spec, path, problems)
    if action is None:
        return None
    settings = {name: value for name, value in spec.items() if name != "type"}
    problems += [FieldProblem(f"{path}.{name}", text) for name, text in _setting_problems(action, settings)]
    return action(**settings) if len(problems) == before else None


def _type_of(spec: Any, path: str, problems: Problems) -> type[RuleAction] | None:
    if not isinstance(spec, Mapping):
        problems.append(FieldProblem(path, "must be an object with a type, for example type: deny"))
        return None
    name = spec.get("type")
    if isinstance(name, str) and name in ACTIONS:
        return ACTIONS[name]
    problems.append(FieldProblem(f"{path}.type", _type_problem(name, given="type" in spec)))
    return None


def _type_problem(name: Any, *, given: bool) -> str:
    if not given:
        return f"is missing; one of {', '.join(ACTIONS)}"
    if name in UNSUPPORTED:
        return f"'{name}' rules are not supported by this gateway"
    return unknown("action type", name, ACTIONS, SYNONYMS)


def _setting_problems(action: type[RuleAction], given: Mapping[str, Any]) -> list[tuple[str, str]]:
    settings = action.settings()
    known = ["type", *settings]
    found = [
        (str(name), action.refused.get(name) or unknown("setting", name, known))
        for name in given
        if name not in settings
    ]
    for field in fields(action):
        if field.name in given:
            problem = settings[field.name].problem(given[field.name])
        else:
            problem = "is missing" if field.default is MISSING else None
        if problem:
            found.append((field.name, problem))
    return found
