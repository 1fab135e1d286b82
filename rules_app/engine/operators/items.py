"""`any`, `all`: of the members of a list, at least one fits, or every one does.

They are written as the words of groups beside a field with [*], so they stand in a table of their own. What they ask of
a member is a condition about `item`; it can look at nothing else but to compare with it, and walk no list but the
item's own, so a decision's time grows with the payload and not with its square.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from rules_app.engine.fields import Field
from rules_app.engine.operators.base import LIST, Operator, TestInScope
from rules_app.engine.scope import Scope

Inner = Callable[[Scope], bool]


class _Items(Operator):
    def mistyped(self, operand: Any, value: Any) -> bool:
        return type(value) is not list

    def wanted(self, operand: Any) -> str:
        return "a list"


def _some(inner: Inner, *, wanted: bool) -> TestInScope:
    """Whether one of the members is what is wanted; the scope's item is left as it was."""

    def test(value: Any, scope: Scope) -> bool:
        outer = getattr(scope, "item", None)
        try:
            for scope.item in value:  # noqa: SIM110 - a generator would double the cost
                if inner(scope) is wanted:
                    return True
            return False
        finally:
            scope.item = outer

    return test


def _any(inner: Inner) -> TestInScope:
    some = _some(inner, wanted=True)
    return lambda value, scope: type(value) is list and some(value, scope)


def _all(inner: Inner) -> TestInScope:
    other = _some(inner, wanted=False)
    return lambda value, scope: type(value) is list and not other(value, scope)


def _problem(operand: Any, field: Field) -> str | None:
    return None  # a condition, whose own problems are told where it is parsed


_KINDS = frozenset((LIST,))
ITEM_OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "any": _Items(
            "any item", "any of", "at least one of", _KINDS, _any, _problem, takes="condition", in_scope=True
        ),
        "all": _Items(
            "all items", "all of", "each of", _KINDS, _all, _problem, takes="condition", in_scope=True
        ),
    }
)
