"""Checks of what stands behind an operator, so that a mistake is refused at load and not a silent false."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, time
from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.operators import Operator, compile_pattern
from rules_app.engine.scope import kind_of

MAX_LIST = 10_000
MAX_TEXT = 10_000
MAX_PATTERN = 1_000
NORWAY = "without quotes YAML reads NO, OFF, YES and ON as false and true; quote it: '{}'"


def operand_problem(found: Operator, operand: Any, field: Field) -> str | None:
    """What is wrong with `operand` for this operator on this field, or None."""
    return _CHECKS[found.family](operand, field)


def scalar_problem(operand: Any) -> str | None:
    """Text, a finite number or true/false; everything else is refused with what to write instead."""
    if operand is None:
        return "is empty; to ask whether a field is null or missing write is_null: true"
    if isinstance(operand, float) and not math.isfinite(operand):
        return "must be a finite number"
    if isinstance(operand, bool | int | float):
        return None
    if isinstance(operand, str):
        return text_problem(operand, MAX_TEXT)
    if isinstance(operand, date | time):
        return f"is a date without quotes; quote it: '{operand.isoformat()}'"
    return f"must be text, a number or true/false, not {kind_of(operand)}"


def text_problem(text: str, longest: int) -> str | None:
    """Text that no database or wire format takes: too long, a NUL, half of a surrogate pair."""
    if len(text) > longest:
        return f"must have at most {longest} characters"
    strange = any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)
    return "must not hold NUL characters or lone surrogates" if strange else None


def norway(operand: bool) -> str:
    return NORWAY.format("YES" if operand else "NO")


def _equal(operand: Any, field: Field) -> str | None:
    if isinstance(operand, list | tuple):
        return "must be one value; for several write in_list"
    return scalar_problem(operand) or _fits(operand, field, slack=0)


def _ordered(operand: Any, field: Field) -> str | None:
    problem = scalar_problem(operand)
    if problem:
        return problem
    if field.is_text or field.is_country or (field.clock and not field.clock.ordered):
        return f"compares numbers and dates, but {field.path} is a name; use eq or in_list"
    if isinstance(operand, bool):
        return "compares numbers, and true/false is none"
    if isinstance(operand, str) and _reads_as_number(operand):
        return f"compares numbers: write {operand.strip()} without quotes"
    return _fits(operand, field, slack=1)


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _member(operand: Any, field: Field) -> str | None:
    if not isinstance(operand, list | tuple):
        return "must be a list, for example ['NK', 'SY']"
    if not operand:
        return "must not be an empty list"
    if len(operand) > MAX_LIST:
        return f"must have at most {MAX_LIST} members, has {len(operand)}"
    for index, member in enumerate(operand):
        problem = _member_problem(member, operand, field)
        if problem:
            return f"member {index + 1} {problem}"
    return None


def _member_problem(member: Any, members: Any, field: Field) -> str | None:
    if isinstance(member, bool):
        return f"is {str(member).lower()}: {norway(member)}"
    problem = scalar_problem(member) or _fits(member, field, slack=0)
    if not problem and kind_of(member) != kind_of(members[0]):
        return f"is {kind_of(member)} among {kind_of(members[0])}: all members must be of one type"
    return problem


def _holds(operand: Any, field: Field) -> str | None:
    if field.is_text or field.is_country:
        return _text(operand, field)
    if field.clock:
        return _no_clock(field)
    return _some_text(operand) if isinstance(operand, str) else scalar_problem(operand)


def _text(operand: Any, field: Field) -> str | None:
    if field.clock and field.clock.is_number:
        return _no_clock(field)
    if isinstance(operand, bool):
        return f"must be text: {norway(operand)}"
    if not isinstance(operand, str):
        return scalar_problem(operand) or f"must be text, not {kind_of(operand)}; quote it"
    return _some_text(operand)


def _some_text(operand: str) -> str | None:
    return scalar_problem(operand) if operand else "must not be empty"


def _pattern(operand: Any, field: Field) -> str | None:
    problem = _text(operand, field)
    if problem:
        return problem
    if len(operand) > MAX_PATTERN:
        return f"must have at most {MAX_PATTERN} characters"
    try:
        compile_pattern(operand)
    except ValueError as error:
        return f"is no RE2 pattern: {error}"
    return None


def _presence(operand: Any, field: Field) -> str | None:
    return None if isinstance(operand, bool) else "must be true or false"


def _no_clock(field: Field) -> str:
    return f"works on text, but {field.path} belongs to the clock; compare it with eq, in_list, gte or lt"


def _fits(operand: Any, field: Field, *, slack: int) -> str | None:
    """Whether the field can ever have this value; `slack` lets an ordered operator name one past the end."""
    if field.is_text or field.is_country:
        if isinstance(operand, bool):
            return f"must be text for {field.path}: {norway(operand)}"
        return None if isinstance(operand, str) else f"must be text for {field.path}; quote it: '{operand}'"
    return _fits_clock(operand, field, slack) if field.clock else None


def _fits_clock(operand: Any, field: Field, slack: int) -> str | None:
    clock = field.clock
    assert clock is not None  # noqa: S101 - asked for time fields only
    if clock.text_problem:
        if isinstance(operand, str):
            return clock.text_problem(operand)
        return f"must be text in quotes for {field.path}"
    if isinstance(operand, bool) or not isinstance(operand, int):
        return f"must be a whole number for {field.path}"
    low, high = clock.low or 0, clock.high or 0
    if not low - slack <= operand <= high + slack:
        return f"must be from {low} to {high} for {field.path}"
    return None


_CHECKS: dict[str, Callable[[Any, Field], str | None]] = {
    "equal": _equal,
    "ordered": _ordered,
    "member": _member,
    "holds": _holds,
    "text": _text,
    "pattern": _pattern,
    "presence": _presence,
}
