"""`gt`, `gte`, `lt`, `lte`: numbers by size, text (dates, times of day) by its characters."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.operators.base import MOMENT, NUMBER, NUMBERS, Operator, Test
from rules_app.engine.values import scalar_problem


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def build(operand: Any) -> Test:
        if isinstance(operand, str):
            return lambda value: type(value) is str and compare(value, operand)
        return lambda value: type(value) in NUMBERS and compare(value, operand)

    return build


def _problem(operand: Any, field: Field) -> str | None:
    problem = scalar_problem(operand)
    if problem:
        return problem
    if field.is_text or field.is_country or (field.clock and not field.clock.ordered):
        return f"compares numbers and dates, but {field.path} is a name; use eq or in_list"
    if isinstance(operand, bool):
        return "compares numbers, and true/false is none"
    if isinstance(operand, str) and _reads_as_number(operand):
        return f"compares numbers: write {operand.strip()} without quotes"
    return field.value_problem(operand, slack=1)


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_KINDS = frozenset((NUMBER, MOMENT))
GT = Operator(
    "gt", ">", "is more than", _KINDS, _ordered(operator.gt), _problem, ("greater_than", "more_than")
)
GTE = Operator("gte", ">=", "is at least", _KINDS, _ordered(operator.ge), _problem, ("ge", "at_least"))
LT = Operator("lt", "<", "is less than", _KINDS, _ordered(operator.lt), _problem, ("less_than",))
LTE = Operator("lte", "<=", "is at most", _KINDS, _ordered(operator.le), _problem, ("le", "at_most"))
