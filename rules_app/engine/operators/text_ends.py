"""`starts_with`, `ends_with`: how a text begins or ends; `…_any` by one of several."""

from __future__ import annotations

from rules_app.engine.operators.base import (
    TEXT,
    Operator,
    Test,
    TextOperator,
    several_texts_problem,
    text_operand_problem,
    texts_of,
)


def _starts(operand: str) -> Test:
    return lambda value: type(value) is str and value.startswith(operand)


def _ends(operand: str) -> Test:
    return lambda value: type(value) is str and value.endswith(operand)


def _starts_any(operand: list[str]) -> Test:
    begins = texts_of(operand)
    return lambda value: type(value) is str and value.startswith(begins)


def _ends_any(operand: list[str]) -> Test:
    ends = texts_of(operand)
    return lambda value: type(value) is str and value.endswith(ends)


_KINDS = frozenset((TEXT,))
STARTS_WITH = Operator(
    "starts_with",
    "starts with",
    "begins with",
    _KINDS,
    _starts,
    text_operand_problem,
    ("startswith", "prefix"),
    "text",
)
ENDS_WITH = Operator(
    "ends_with", "ends with", "ends with", _KINDS, _ends, text_operand_problem, ("endswith", "suffix"), "text"
)
STARTS_WITH_ANY = TextOperator(
    "starts_with_any",
    "starts with any of",
    "begins with one of",
    _KINDS,
    _starts_any,
    several_texts_problem,
    ("prefixes",),
    "texts",
)
ENDS_WITH_ANY = TextOperator(
    "ends_with_any",
    "ends with any of",
    "ends with one of",
    _KINDS,
    _ends_any,
    several_texts_problem,
    ("suffixes",),
    "texts",
)
