"""Typed payload fields: what a rule compares is what was meant, or the order is refused.

So "60000" cannot walk past a rule on 60000, nor " nk" past one on "NK".
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from acteon_site.base.errors import FieldProblem
from acteon_site.base.money import currency_problem

TYPES = ("text", "integer", "number", "boolean", "list", "object", "currency")
NORMAL_FORMS: Mapping[str, Callable[[str], str]] = {"trim": str.strip, "upper": str.upper, "lower": str.lower}
KEYS = (
    "type",
    "required",
    "min",
    "max",
    "min_length",
    "max_length",
    "normalize",
    "pattern",
    "one_of",
    "label",
)
LONGEST_LABEL = 60
_EXPECTED = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "list": "a list",
    "object": "an object",
    "currency": "a currency of ISO 4217, such as 'USD'",
}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """`label` is what the business calls the field, where its name does not say it."""

    name: str
    type: str
    required: bool = False
    min: float | None = None
    max: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    normalize: tuple[str, ...] = ()
    pattern: str = ""
    one_of: tuple[Any, ...] = ()
    label: str = ""


def parse_field(name: str, spec: Any) -> tuple[FieldSpec | None, list[FieldProblem]]:
    where = f"fields.{name}"
    if not isinstance(spec, Mapping):
        return None, [FieldProblem(where, "must be an object with a type")]
    problems = [
        FieldProblem(f"{where}.{key}", f"is unknown{suggestion(str(key), KEYS)}")
        for key in spec
        if key not in KEYS
    ]
    if spec.get("type") not in TYPES:
        problems.append(FieldProblem(f"{where}.type", f"must be one of {', '.join(TYPES)}"))
    normalize = spec.get("normalize", [])
    if not isinstance(normalize, list) or any(form not in (*NORMAL_FORMS,) for form in normalize):
        problems.append(FieldProblem(f"{where}.normalize", f"must be a list of {', '.join(NORMAL_FORMS)}"))
    problems += _limit_problems(where, spec) + _pattern_problems(where, spec.get("pattern", ""))
    if problems:
        return None, problems
    lists = {"normalize": tuple(normalize), "one_of": tuple(spec.get("one_of", ()))}
    return FieldSpec(name=name, **{**spec, **lists}), []


def _limit_problems(where: str, spec: Mapping[str, Any]) -> list[FieldProblem]:
    problems = []
    for key in ("min", "max", "min_length", "max_length"):
        value = spec.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            problems.append(FieldProblem(f"{where}.{key}", "must be a number"))
    if not isinstance(spec.get("required", False), bool):
        problems.append(FieldProblem(f"{where}.required", "must be true or false"))
    if not isinstance(spec.get("one_of", []), list):
        problems.append(FieldProblem(f"{where}.one_of", "must be a list"))
    label = spec.get("label", "")
    if not isinstance(label, str) or len(label) > LONGEST_LABEL or not label.isprintable():
        problems.append(
            FieldProblem(f"{where}.label", f"must be one line of at most {LONGEST_LABEL} characters")
        )
    return problems


def _pattern_problems(where: str, pattern: Any) -> list[FieldProblem]:
    try:
        re2.compile(pattern)  # type: ignore[no-untyped-call]
    except (re2.error, TypeError) as error:
        return [FieldProblem(f"{where}.pattern", f"is no regular expression that RE2 knows: {error}")]
    return []


def suggestion(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else f"; known are {', '.join(known)}"


def check_payload(
    fields: tuple[FieldSpec, ...], payload: dict[str, Any]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    """The payload in its normal form, and what is wrong with it. The given payload is not changed."""
    result, problems = payload, []
    for spec in fields:
        value = payload.get(spec.name)
        if value is None:
            if spec.required:
                problems.append(FieldProblem(f"payload.{spec.name}", f"is required ({_EXPECTED[spec.type]})"))
            continue
        normal = normal_form(spec, value)
        problem = field_problem(spec, normal)
        if problem:
            problems.append(FieldProblem(f"payload.{spec.name}", problem))
        elif normal is not value:
            result = {**result, spec.name: normal}
    return result, problems


def normal_form(spec: FieldSpec, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    for form in spec.normalize:
        value = NORMAL_FORMS[form](value)
    return value


def field_problem(spec: FieldSpec, value: Any) -> str | None:
    if not _is_a(spec.type, value):
        hint = " without quotes" if isinstance(value, str) and spec.type in ("integer", "number") else ""
        return f"must be {_EXPECTED[spec.type]}{hint}"
    if spec.type == "currency" and (problem := currency_problem(value)):
        return problem
    if isinstance(value, int | float) and not isinstance(value, bool):
        if spec.min is not None and value < spec.min:
            return f"must be at least {spec.min:g}"
        if spec.max is not None and value > spec.max:
            return f"must be at most {spec.max:.0f}"
    if isinstance(value, str | list):
        if spec.min_length is not None and len(value) < spec.min_length:
            return f"must have at least {spec.min_length} characters or items"
        if spec.max_length is not None and len(value) > spec.max_length:
            return f"must have at most {spec.max_length} characters or items"
    if spec.pattern and isinstance(value, str) and not _fits(spec.pattern, value):
        return f"does not have the form {spec.pattern}"
    if spec.one_of and value not in spec.one_of:
        return f"must be one of {', '.join(map(str, spec.one_of))}"
    return None


_KINDS: dict[str, Any] = {
    "text": str,
    "integer": int,
    "number": (int, float),
    "list": list,
    "object": dict,
    "currency": str,
}


def _is_a(kind: str, value: Any) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    return isinstance(value, _KINDS[kind])


def _fits(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)  # type: ignore[no-untyped-call]
