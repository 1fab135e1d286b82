"""Clauses as literals: a field at one place of the walk, a test of its value, and whether that must hold or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from rules_app.engine.conditions import Leaf
from rules_app.engine.fields import Field, parse_field
from rules_app.engine.operators.registry import OPERATORS

# Exact opposites: `ne` is the denial of `eq` for every value, missing ones too.
_DENIALS = {
    "ne": "eq",
    "not_in_list": "in_list",
    "not_in_named_list": "in_named_list",
    "ne field": "eq field",
    "not_in_cidr": "in_cidr",
    "ne_ignoring_case": "eq_ignoring_case",
    "not_in_list_ignoring_case": "in_list_ignoring_case",
}
_PRESENCE = ("exists", "is_null")
# Operators whose truth these modules can work out. Any other may be true or false of everything.
KNOWN = frozenset(
    (
        *("eq", "in_list", "gt", "gte", "lt", "lte", "exists", "is_null"),
        *("contains", "not_contains", "starts_with", "ends_with", "matches"),
    )
)


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """A field as one rule sees it: clocks of two zones differ, and so may a payload above and below a modify.

    `beside` tells where a clause that looks at more than the field's value finds the rest.
    """

    path: str
    zone: str = ""
    changes: int = 0
    beside: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Literal:
    """`test` holds of the field's value, or (not `positive`) does not. Equal where they mean the same in writing."""

    key: Key
    operator: str
    operand_text: str
    positive: bool
    operand: Any = field(compare=False)
    test: Callable[[Any], bool] = field(compare=False, repr=False)

    @property
    def opposite(self) -> Literal:
        return replace(self, positive=not self.positive)

    def holds(self, value: Any) -> bool:
        return self.test(value) is self.positive


Term = frozenset[Literal]  # all of these together


def literal_of(leaf: Leaf, key: Key, *, positive: bool = True) -> Literal:
    name, operand = leaf.operator.name, leaf.operand
    if name in _DENIALS:
        name, positive = _DENIALS[name], not positive
    elif name in _PRESENCE and operand is False:
        operand, positive = True, not positive
    test = OPERATORS[name].build(operand) if name in KNOWN else _never_asked
    return Literal(key, name, json.dumps(operand, sort_keys=True), positive, operand, test)


def _never_asked(value: Any) -> bool:
    raise AssertionError("the truth of this operator is not known here")


def equals(path: str, value: str, key: Key | None = None) -> Literal:
    """The literal of `path` eq `value`."""
    found = parse_field(path)
    assert isinstance(found, Field)  # noqa: S101 - only fixed paths come here
    return literal_of(Leaf(found, OPERATORS["eq"], value), key or Key(path))
