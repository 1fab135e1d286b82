"""`in_named_list`, `not_in_named_list`: whether a text is on a list that is kept beside the rules."""

from __future__ import annotations

from typing import Any

from acteon_site.base.names import SHORT_LENGTH, name_problem
from rules_app.engine.fields import Field
from rules_app.engine.operators.base import CHOICE, MOMENT, TEXT, Operator, TestInScope, clock_problem


def _on_list(operand: Any) -> TestInScope:
    """Asks the lists of the scope; a value that is no text is on none."""
    return lambda value, scope: type(value) is str and scope.on_list(operand, value)


def _off_list(operand: Any) -> TestInScope:
    on_list = _on_list(operand)
    return lambda value, scope: not on_list(value, scope)


def _problem(operand: Any, field: Field) -> str | None:
    if isinstance(operand, list | tuple):
        return "must be the name of a list; for values written here use in_list"
    if problem := name_problem(operand, longest=SHORT_LENGTH):
        return f"names a list: {problem}"
    return clock_problem(field) if field.clock and field.clock.is_number else None


_KINDS = frozenset((TEXT, MOMENT, CHOICE))
IN_NAMED_LIST = Operator(
    "in_named_list",
    "in the list",
    "is on the list",
    _KINDS,
    _on_list,
    _problem,
    ("on_list", "in_list_named", "named_list"),
    takes="list_name",
    in_scope=True,
)
NOT_IN_NAMED_LIST = Operator(
    "not_in_named_list",
    "not in the list",
    "is not on the list",
    _KINDS,
    _off_list,
    _problem,
    ("not_on_list", "not_named_list"),
    takes="list_name",
    in_scope=True,
)
