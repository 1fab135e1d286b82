"""`contains`, `not_contains`: a part of a text, or an item of a list."""

from __future__ import annotations

from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.operators.base import (
    LIST,
    TEXT,
    Operator,
    Test,
    clock_problem,
    some_text_problem,
    text_operand_problem,
)
from rules_app.engine.operators.equality import equals
from rules_app.engine.values import scalar_problem


class _Containing(Operator):
    def mistyped(self, operand: Any, value: Any) -> bool:
        return not isinstance(value, list | str)


def _contains(operand: Any) -> Test:
    same = equals(operand)

    def test(value: Any) -> bool:
        if type(value) is str:
            return isinstance(operand, str) and operand in value
        return isinstance(value, list) and any(same(item) for item in value)

    return test


def _lacks(operand: Any) -> Test:
    contains = _contains(operand)
    searchable = (str, list) if isinstance(operand, str) else (list,)
    return lambda value: type(value) in searchable and not contains(value)


def containing_problem(operand: Any, field: Field) -> str | None:
    if field.is_text or field.is_country:
        return text_operand_problem(operand, field)
    if field.clock:
        return clock_problem(field)
    return some_text_problem(operand) if isinstance(operand, str) else scalar_problem(operand)


_KINDS = frozenset((TEXT, LIST))
CONTAINS = _Containing(
    "contains", "contains", "contains", _KINDS, _contains, containing_problem, ("includes",)
)
NOT_CONTAINS = _Containing(
    "not_contains", "does not contain", "does not contain", _KINDS, _lacks, containing_problem
)
