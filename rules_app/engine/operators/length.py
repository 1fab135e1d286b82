"""`length`, `min_length`, `max_length`: how many characters a text has, or how many members a list."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.operators.base import LIST, TEXT, Operator, Test
from rules_app.engine.scope import kind_of

LONGEST = 10_000_000  # far beyond what a request holds


class _Length(Operator):
    def mistyped(self, operand: Any, value: Any) -> bool:
        return not isinstance(value, list | str)

    def wanted(self, operand: Any) -> str:
        return "text or a list"


def _of_length(compare: Callable[[int, int], bool]) -> Callable[[Any], Test]:
    def build(operand: int) -> Test:
        return lambda value: isinstance(value, list | str) and compare(len(value), operand)

    return build


def _problem(operand: Any, field: Field) -> str | None:
    if field.clock:
        return f"counts characters or members, and {field.path} belongs to the clock"
    if isinstance(operand, bool) or not isinstance(operand, int):
        return f"must be a whole number, not {kind_of(operand)}"
    return None if 0 <= operand <= LONGEST else f"must be from 0 to {LONGEST}"


def _operator(
    name: str, symbol: str, words: str, compare: Callable[[int, int], bool], synonyms: tuple[str, ...]
) -> Operator:
    kinds = frozenset((TEXT, LIST))
    return _Length(name, symbol, words, kinds, _of_length(compare), _problem, synonyms, "count")


LENGTH = _operator("length", "has length", "has the length", operator.eq, ("len", "size", "count"))
MIN_LENGTH = _operator(
    "min_length", "has length >=", "has at least the length", operator.ge, ("minlength", "longer_than")
)
MAX_LENGTH = _operator(
    "max_length", "has length <=", "has at most the length", operator.le, ("maxlength", "shorter_than")
)
