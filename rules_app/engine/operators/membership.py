"""`in_list`, `not_in_list`: one of several values of one type, or none of them."""

from __future__ import annotations

from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.operators.base import (
    CHOICE,
    DATE,
    MAX_LIST,
    MOMENT,
    NUMBER,
    NUMBERS,
    TEXT,
    Operator,
    Test,
)
from rules_app.engine.scope import kind_of
from rules_app.engine.values import country_hint, scalar_problem


def _member(operand: list[Any]) -> Test:
    members = frozenset(operand)
    if operand and isinstance(operand[0], str):
        return lambda value: type(value) is str and value in members
    return lambda value: type(value) in NUMBERS and value in members


def _no_member(operand: list[Any]) -> Test:
    member = _member(operand)
    return lambda value: not member(value)


def list_problem(operand: Any, field: Field) -> str | None:
    if not isinstance(operand, list | tuple):
        return "must be a list, for example ['NK', 'SY']; for a list that is kept by name write in_named_list"
    if not operand:
        return "must not be an empty list"
    if len(operand) > MAX_LIST:
        return f"must have at most {MAX_LIST} members, has {len(operand)}"
    for index, member in enumerate(operand):
        problem = _member_problem(member, operand[0], field)
        if problem:
            return f"member {index + 1} {problem}"
    return None


def _member_problem(member: Any, first: Any, field: Field) -> str | None:
    if isinstance(member, bool):
        return f"is {str(member).lower()}: {country_hint(member)}"
    problem = scalar_problem(member) or field.value_problem(member)
    if not problem and kind_of(member) != kind_of(first):
        return f"is {kind_of(member)} among {kind_of(first)}: all members must be of one type"
    return problem


_KINDS = frozenset((TEXT, NUMBER, MOMENT, CHOICE, DATE))
IN_LIST = Operator("in_list", "in", "is one of", _KINDS, _member, list_problem, ("in", "one_of"), "values")
NOT_IN_LIST = Operator(
    "not_in_list", "not in", "is none of", _KINDS, _no_member, list_problem, ("not_in",), "values"
)
