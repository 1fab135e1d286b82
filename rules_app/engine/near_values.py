"""Values near the one that a clause met, for which it turns out otherwise. Pure, and nothing is promised: who asks
tries them with the real decision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from rules_app.engine.conditions import Leaf
from rules_app.engine.named_lists import OPERATORS as NAMED_LISTS
from rules_app.engine.operators.base import NUMBERS
from rules_app.engine.scope import MISSING

# One of these is another value than most; the first are what typed fields take.
OTHER_TEXTS = ("US", "DE", "JP", "USD", "EUR", "another", "another@example.com")
_MOST_MEMBERS = 100


def near_values(leaf: Leaf, value: Any) -> list[Any]:
    """Other values of the leaf's field for which it is what it is not now, the nearest first; MISSING last."""
    if leaf.operator.name in NAMED_LISTS:  # nothing is told of what a list holds
        return [one for one in (*OTHER_TEXTS, *_without(value)) if not _same(one, value)]
    fits = leaf.operator.build(leaf.operand)
    wanted = not fits(value)
    found: list[Any] = []
    for other in (*_candidates(leaf, value), *_without(value)):
        if fits(other) is wanted and not any(_same(other, one) for one in found):
            found.append(other)
    return found


def distance(before: Any, after: Any) -> float:
    """How far a number is from another, as a share of it; 1 for everything else."""
    if type(before) not in NUMBERS or type(after) not in NUMBERS:
        return 1.0
    try:
        return float(abs(after - before) / max(abs(before), abs(after), 1))
    except OverflowError:  # a whole number beyond every float
        return 1.0


def gap(one: Any, other: Any) -> float:
    """How far two numbers are from each other; infinitely for everything else."""
    if type(one) not in NUMBERS or type(other) not in NUMBERS:
        return math.inf
    try:
        return float(abs(one - other))
    except OverflowError:
        return math.inf


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _without(value: Any) -> Iterator[Any]:
    if value is not MISSING:
        yield MISSING


def _candidates(leaf: Leaf, value: Any) -> Iterable[Any]:
    operand = leaf.operand
    if leaf.operator.name in ("exists", "is_null"):
        return () if value is MISSING else (None,)
    if leaf.operator.name in _BY_OPERATOR:
        return _BY_OPERATOR[leaf.operator.name](operand, value)
    members = operand if isinstance(operand, list) else [operand]
    if isinstance(members[0], bool):
        return (True, False)
    if isinstance(members[0], str):
        return (*islice(members, _MOST_MEMBERS), *OTHER_TEXTS)
    return _numbers(members, value)


def _numbers(members: list[Any], value: Any) -> list[Any]:
    """The members and what lies directly beside them, in the value's own kind of number."""
    start = value if type(value) in NUMBERS else members[0]
    nearest = sorted(members, key=lambda member: gap(member, start))[:_MOST_MEMBERS]
    whole = type(start) is int
    near = {other for member in nearest for other in _beside(member, whole=whole)}
    return sorted(near, key=lambda other: (gap(other, start), other))


def _beside(number: float, *, whole: bool) -> tuple[float, ...]:
    if whole:
        low, high = math.floor(number), math.ceil(number)
        return (low - 1, low, high, high + 1)
    return (math.nextafter(number, -math.inf), float(number), math.nextafter(number, math.inf))


def _parts(operand: Any, value: Any) -> Iterable[Any]:
    """With and without what is looked for."""
    if isinstance(value, list):
        return ([item for item in value if item != operand], [*value, operand])
    if not isinstance(value, str) or not isinstance(operand, str):
        return (operand, [operand])
    return (value.replace(operand, ""), f"{value}{operand}", *OTHER_TEXTS)


def _begin(operand: str, value: Any) -> Iterable[Any]:
    return (value.removeprefix(operand), f"{operand}{value}") if isinstance(value, str) else (operand,)


def _end(operand: str, value: Any) -> Iterable[Any]:
    return (value.removesuffix(operand), f"{value}{operand}") if isinstance(value, str) else (operand,)


_BY_OPERATOR: dict[str, Callable[[Any, Any], Iterable[Any]]] = {
    "contains": _parts,
    "not_contains": _parts,
    "starts_with": _begin,
    "ends_with": _end,
    "matches": lambda operand, value: OTHER_TEXTS,
}
