"""`in_named_list`, `not_in_named_list`: whether a text is on a list that is kept beside the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from acteon_site.base.names import SHORT_LENGTH, name_problem
from rules_app.engine.fields import Field
from rules_app.engine.operators.base import CHOICE, MOMENT, TEXT, Operator, Test, clock_problem
from rules_app.engine.scope import Scope


class _Named(Operator):
    """Asks the lists of the scope; a value that is no text is on none."""

    def bound(self, operand: Any, get: Callable[[Scope], Any]) -> Callable[[Scope], bool]:
        otherwise = self.build(operand)(None)

        def test(scope: Scope) -> bool:
            value = get(scope)
            return otherwise is not (type(value) is str and scope.on_list(operand, value))

        return test


def _on_none(operand: Any) -> Test:
    """Of a value that is on no list."""
    return lambda value: False


def _off_all(operand: Any) -> Test:
    return lambda value: True


def _problem(operand: Any, field: Field) -> str | None:
    if isinstance(operand, list | tuple):
        return "must be the name of a list; for values written here use in_list"
    if problem := name_problem(operand, longest=SHORT_LENGTH):
        return f"names a list: {problem}"
    return clock_problem(field) if field.clock and field.clock.is_number else None


_KINDS = frozenset((TEXT, MOMENT, CHOICE))
IN_NAMED_LIST = _Named(
    "in_named_list",
    "in the list",
    "is on the list",
    _KINDS,
    _on_none,
    _problem,
    ("on_list", "in_list_named", "named_list"),
)
NOT_IN_NAMED_LIST = _Named(
    "not_in_named_list",
    "not in the list",
    "is not on the list",
    _KINDS,
    _off_all,
    _problem,
    ("not_on_list", "not_named_list"),
)
