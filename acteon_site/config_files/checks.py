"""Checks of plain fields, for the kinds whose files have no parser of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import SHORT_LENGTH, name_problem
from acteon_site.config_files.problems import did_you_mean

Check = Callable[[Any], str | None]
MAX_TEXT = 10_000
MAX_LONG_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a spec: what its value must be, and whether it may be left out."""

    check: Check
    required: bool = False


def check_fields(spec: Mapping[str, Any], fields: Mapping[str, Field]) -> list[FieldProblem]:
    """Unknown keys, missing keys and wrong values. A null stands for a key that is left out."""
    problems = [
        FieldProblem(name, f"unknown key{did_you_mean(name, fields)}") for name in spec if name not in fields
    ]
    for name, field in fields.items():
        value = spec.get(name)
        if value is None:
            problems += [FieldProblem(name, "is required")] if field.required else []
        elif message := field.check(value):
            problems.append(FieldProblem(name, message))
    return problems


def text(value: Any, longest: int = MAX_TEXT) -> str | None:
    if not isinstance(value, str):
        return f"must be text, not {kind_of(value)}"
    return None if len(value) <= longest else f"must have at most {longest} characters"


def long_text(value: Any) -> str | None:
    return text(value, MAX_LONG_TEXT)


def flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"must be true or false, not {kind_of(value)}"


def scope(value: Any) -> str | None:
    return name_problem(value, colon_allowed=False)


def short_name(value: Any) -> str | None:
    return name_problem(value, longest=SHORT_LENGTH)


def whole(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return f"must be a whole number, not {kind_of(value)}"
        return None if low <= value <= high else f"must be from {low} to {high}"

    return check


def mapping(value: Any) -> str | None:
    return None if isinstance(value, dict) else f"must be an object, not {kind_of(value)}"


def texts(value: Any) -> str | None:
    fits = isinstance(value, dict) and all(isinstance(inner, str) for inner in value.values())
    return None if fits else "must be an object of texts"


def kind_of(value: Any) -> str:
    """A value's type in the words of a file's author."""
    names = {bool: "a truth value", str: "text", list: "a list", dict: "an object", type(None): "nothing"}
    return names.get(type(value), "a number")
