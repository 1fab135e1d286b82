"""`matches`: an RE2 pattern, found anywhere in a text in linear time."""

from __future__ import annotations

from typing import Any

import re2

from rules_app.engine.fields import Field
from rules_app.engine.operators.base import TEXT, Operator, Test, text_operand_problem

MAX_PATTERN = 1_000


def _matches(operand: str) -> Test:
    search = compiled_pattern(operand).search

    def test(value: Any) -> bool:
        if type(value) is not str:
            return False
        try:
            return search(value) is not None
        except UnicodeEncodeError:  # a lone surrogate has no UTF-8 form, so no pattern describes it
            return False

    return test


def _problem(operand: Any, field: Field) -> str | None:
    problem = text_operand_problem(operand, field)
    return problem or pattern_problem(operand)


def pattern_problem(operand: str) -> str | None:
    """Why the text is no pattern."""
    if len(operand) > MAX_PATTERN:
        return f"must have at most {MAX_PATTERN} characters"
    try:
        compiled_pattern(operand)
    except re2.error as error:
        reason = error.args[0] if error.args else "not a pattern"
        return (
            f"is no RE2 pattern: {reason.decode(errors='replace') if isinstance(reason, bytes) else reason}"
        )
    return None


def compiled_pattern(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)  # type: ignore[no-untyped-call]


_KINDS = frozenset((TEXT,))
MATCHES = Operator(
    "matches",
    "matches",
    "matches the pattern",
    _KINDS,
    _matches,
    _problem,
    ("regex", "pattern", "like"),
    "text",
)
