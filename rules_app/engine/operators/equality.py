"""`eq`, `ne`: the same value, or any other."""

from __future__ import annotations

from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.operators.base import (
    CHOICE,
    DATE,
    MOMENT,
    NUMBER,
    NUMBERS,
    TEXT,
    YES_NO,
    Operator,
    Test,
)
from rules_app.engine.scope import Scope
from rules_app.engine.values import scalar_problem


def equals(operand: Any) -> Test:
    """Text equals text, a number any equal number (5 and 5.0), true only true. A bool is no number."""
    if isinstance(operand, bool):
        return lambda value: value is operand
    if isinstance(operand, str):
        return lambda value: type(value) is str and value == operand
    return lambda value: type(value) in NUMBERS and bool(value == operand)


def _differs(operand: Any) -> Test:
    same = equals(operand)
    return lambda value: not same(value)


def same(one: Any, other: Any, _: Scope) -> bool:
    """Whether two fields hold the same text, number or yes/no."""
    kinds = type(one), type(other)
    if kinds[0] in NUMBERS and kinds[1] in NUMBERS:
        return bool(one == other)
    return kinds[0] is kinds[1] and kinds[0] in (str, bool) and bool(one == other)


def _differ(one: Any, other: Any, scope: Scope) -> bool:
    return not same(one, other, scope)


def one_value_problem(operand: Any, field: Field) -> str | None:
    if isinstance(operand, list | tuple):
        return "must be one value; for several write in_list"
    return scalar_problem(operand) or field.value_problem(operand)


_KINDS = frozenset((TEXT, NUMBER, YES_NO, MOMENT, CHOICE, DATE))
EQ = Operator("eq", "==", "is", _KINDS, equals, one_value_problem, ("equals", "equal", "is"), compares=same)
NE = Operator(
    "ne",
    "!=",
    "is not",
    _KINDS,
    _differs,
    one_value_problem,
    ("not", "not_equals", "not_eq"),
    compares=_differ,
)
