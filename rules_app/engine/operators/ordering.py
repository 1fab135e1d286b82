"""`gt`, `gte`, `lt`, `lte`: numbers by size, text (dates, times of day) by its characters."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.operators.base import MOMENT, NUMBER, NUMBERS, Operator, Test
from rules_app.engine.scope import Scope
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


def _fields_ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Scope], bool]:
    def ordered(one: Any, other: Any, _: Scope) -> bool:
        numbers = type(one) in NUMBERS and type(other) in NUMBERS
        return (numbers or (type(one) is str and type(other) is str)) and compare(one, other)

    return ordered


def _operator(
    name: str, symbol: str, words: str, compare: Callable[[Any, Any], bool], synonyms: tuple[str, ...]
) -> Operator:
    kinds = frozenset((NUMBER, MOMENT))
    build, compares = _ordered(compare), _fields_ordered(compare)
    return Operator(name, symbol, words, kinds, build, _problem, synonyms, takes="ordered", compares=compares)


GT = _operator("gt", ">", "is more than", operator.gt, ("greater_than", "more_than"))
GTE = _operator("gte", ">=", "is at least", operator.ge, ("ge", "at_least"))
LT = _operator("lt", "<", "is less than", operator.lt, ("less_than",))
LTE = _operator("lte", "<=", "is at most", operator.le, ("le", "at_most"))
