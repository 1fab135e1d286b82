"""`starts_with`, `ends_with`: how a text begins or ends."""

from __future__ import annotations

from rules_app.engine.operators.base import TEXT, Operator, Test, text_operand_problem


def _starts(operand: str) -> Test:
    return lambda value: type(value) is str and value.startswith(operand)


def _ends(operand: str) -> Test:
    return lambda value: type(value) is str and value.endswith(operand)


_KINDS = frozenset((TEXT,))
STARTS_WITH = Operator(
    "starts_with",
    "starts with",
    "begins with",
    _KINDS,
    _starts,
    text_operand_problem,
    ("startswith", "prefix"),
)
ENDS_WITH = Operator(
    "ends_with", "ends with", "ends with", _KINDS, _ends, text_operand_problem, ("endswith", "suffix")
)
