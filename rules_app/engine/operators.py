"""The operators of conditions: typed, total, never raising.

A missing or mistyped value makes every operator false except the two exact negations `ne` and `not_in_list`
(nothing that is missing equals anything), `exists: false` and `is_null: true`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import re2

from rules_app.engine.scope import MISSING, kind_of

Test = Callable[[Any], bool]
NUMBERS = frozenset((int, float))


@dataclass(frozen=True, slots=True)
class Operator:
    """`build` turns a checked operand into a test of a value; `symbol` is how conditions are shown.

    `family` decides which operands are taken: equal, ordered, member, text, holds, pattern or presence.
    """

    name: str
    symbol: str
    family: str
    build: Callable[[Any], Test]
    missing_is: bool = False


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


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def build(operand: Any) -> Test:
        if isinstance(operand, str):
            return lambda value: type(value) is str and compare(value, operand)
        return lambda value: type(value) in NUMBERS and compare(value, operand)

    return build


def _member(operand: list[Any]) -> Test:
    members = frozenset(operand)
    if operand and isinstance(operand[0], str):
        return lambda value: type(value) is str and value in members
    return lambda value: type(value) in NUMBERS and value in members


def _no_member(operand: list[Any]) -> Test:
    member = _member(operand)
    return lambda value: not member(value)


def _holds(operand: Any) -> Test:
    same = equals(operand)

    def test(value: Any) -> bool:
        if type(value) is str:
            return isinstance(operand, str) and operand in value
        return isinstance(value, list) and any(same(item) for item in value)

    return test


def _holds_not(operand: Any) -> Test:
    holds = _holds(operand)
    searchable = (str, list) if isinstance(operand, str) else (list,)
    return lambda value: type(value) in searchable and not holds(value)


def _starts(operand: str) -> Test:
    return lambda value: type(value) is str and value.startswith(operand)


def _ends(operand: str) -> Test:
    return lambda value: type(value) is str and value.endswith(operand)


def compile_pattern(pattern: str) -> Any:
    """A linear-time pattern; raises ValueError saying what is wrong with it."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)  # type: ignore[no-untyped-call]
    except re2.error as error:
        reason = error.args[0] if error.args else "not a pattern"
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(text) from error


def _pattern(operand: str) -> Test:
    search = compile_pattern(operand).search

    def test(value: Any) -> bool:
        if type(value) is not str:
            return False
        try:
            return search(value) is not None
        except UnicodeEncodeError:  # a lone surrogate has no UTF-8 form, so no pattern describes it
            return False

    return test


def _exists(operand: bool) -> Test:
    return lambda value: (value is not MISSING) is operand


def _is_null(operand: bool) -> Test:
    return lambda value: (value is None or value is MISSING) is operand


_ALL = (
    Operator("eq", "==", "equal", equals),
    Operator("ne", "!=", "equal", _differs, missing_is=True),
    Operator("gt", ">", "ordered", _ordered(operator.gt)),
    Operator("gte", ">=", "ordered", _ordered(operator.ge)),
    Operator("lt", "<", "ordered", _ordered(operator.lt)),
    Operator("lte", "<=", "ordered", _ordered(operator.le)),
    Operator("in_list", "in", "member", _member),
    Operator("not_in_list", "not in", "member", _no_member, missing_is=True),
    Operator("contains", "contains", "holds", _holds),
    Operator("not_contains", "does not contain", "holds", _holds_not),
    Operator("starts_with", "starts with", "text", _starts),
    Operator("ends_with", "ends with", "text", _ends),
    Operator("matches", "matches", "pattern", _pattern),
    Operator("exists", "exists", "presence", _exists),
    Operator("is_null", "is null", "presence", _is_null),
)
OPERATORS: Mapping[str, Operator] = {found.name: found for found in _ALL} | {"neq": _ALL[1]}
SYNONYMS: Mapping[str, str] = {
    "equals": "eq",
    "equal": "eq",
    "is": "eq",
    "not": "ne",
    "not_equals": "ne",
    "not_eq": "ne",
    "greater_than": "gt",
    "more_than": "gt",
    "ge": "gte",
    "at_least": "gte",
    "less_than": "lt",
    "le": "lte",
    "at_most": "lte",
    "in": "in_list",
    "one_of": "in_list",
    "not_in": "not_in_list",
    "includes": "contains",
    "regex": "matches",
    "pattern": "matches",
    "like": "matches",
    "startswith": "starts_with",
    "prefix": "starts_with",
    "endswith": "ends_with",
    "suffix": "ends_with",
    "present": "exists",
    "null": "is_null",
    "and": "all",
    "or": "any",
}


def mistyped(found: Operator, operand: Any, value: Any) -> bool:
    """Whether the value is of a type that this operator and operand can never speak about."""
    if found.family == "presence" or value is MISSING:
        return False
    if found.family == "holds":
        return not isinstance(value, list | str)
    sample = operand[0] if isinstance(operand, list) else operand
    return kind_of(value) != kind_of(sample)
