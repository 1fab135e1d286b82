"""Values near the one that a clause met, for which it turns out otherwise. Pure, and nothing is promised: who asks
tries them with the real decision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from rules_app.engine.conditions import Condition, Leaf
from rules_app.engine.fields import ITEM
from rules_app.engine.named_lists import OPERATORS as NAMED_LISTS
from rules_app.engine.near_moments import near_moments
from rules_app.engine.operators.base import NUMBERS, texts_of
from rules_app.engine.scope import MISSING, Scope
from rules_app.engine.values import MAX_TEXT

# One of these is another value than most; the first are what typed fields take.
OTHER_TEXTS = ("US", "DE", "JP", "USD", "EUR", "another", "another@example.com")
_OTHER_ADDRESSES = ("192.0.2.1", "198.51.100.1", "2001:db8::1")  # for documentation, by RFC 5737 and 3849
_MOST_MEMBERS = 100


def near_values(leaf: Leaf, value: Any, scope: Scope) -> list[Any]:
    """Other values of the leaf's field for which it is what it is not now, the nearest first; MISSING last."""
    if leaf.operator.name in NAMED_LISTS:  # nothing is told of what a list holds
        return [one for one in (*OTHER_TEXTS, *_without(value)) if not _same(one, value)]
    fits = leaf.fits(scope)
    wanted = not fits(value)
    found: list[Any] = []
    for other in (*_candidates(leaf, value, scope), *_without(value)):
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


def _candidates(leaf: Leaf, value: Any, scope: Scope) -> Iterable[Any]:
    operand = leaf.other.get(scope) if leaf.other else leaf.operand
    word = leaf.operator.word.removesuffix("_ignoring_case")
    if word in ("exists", "is_null"):
        return () if value is MISSING else (None,)
    if leaf.inner:
        return _lists(leaf.inner, value, scope)
    if leaf.operator.takes in ("moment", "duration"):
        return near_moments(operand, value, scope)
    if word in _BY_OPERATOR:
        return _BY_OPERATOR[word](operand, value)
    return _values(operand, value)


def _values(operand: Any, value: Any) -> Iterable[Any]:
    members = operand if isinstance(operand, list) else [operand]
    if not members or not isinstance(members[0], bool | str | int | float):
        return OTHER_TEXTS
    if isinstance(members[0], bool):
        return (True, False)
    if isinstance(members[0], str):
        return (*islice(members, _MOST_MEMBERS), *OTHER_TEXTS)
    return _numbers([one for one in members if type(one) in NUMBERS], value)


def _lists(inner: Condition, value: Any, scope: Scope) -> Iterable[list[Any]]:
    """Those members alone that fit, those that do not, and none at all."""
    if not isinstance(value, list):
        return ([],)
    outer = getattr(scope, ITEM, None)
    fitting: dict[bool, list[Any]] = {True: [], False: []}
    for scope.item in value:
        fitting[inner.test(scope)].append(scope.item)
    scope.item = outer
    return (fitting[False], fitting[True], [])


def _lengths(operand: int, value: Any) -> Iterable[Any]:
    """As little as possible cut off, or put on."""
    wanted = [number for number in (operand - 1, operand, operand + 1) if 0 <= number <= MAX_TEXT]
    if not isinstance(value, str | list):
        return ["x" * number for number in wanted]
    wanted.sort(key=lambda number: abs(number - len(value)))
    if isinstance(value, str):
        return [value[:number] + "x" * (number - len(value)) for number in wanted]
    return [value[:number] + [None] * (number - len(value)) for number in wanted]


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


def _each(one: Callable[[str, Any], Iterable[Any]], operand: Any, value: Any) -> Iterator[Any]:
    for text in texts_of(operand)[:_MOST_MEMBERS]:
        yield from one(text, value)


def _address(network: str) -> str:
    return network.partition("/")[0]


def _mailboxes(operand: Any) -> Iterable[Any]:
    return (*(f"somebody@{domain}" for domain in texts_of(operand)[:_MOST_MEMBERS]), *OTHER_TEXTS)


_BY_OPERATOR: dict[str, Callable[[Any, Any], Iterable[Any]]] = {
    "contains": _parts,
    "not_contains": _parts,
    "starts_with": _begin,
    "ends_with": _end,
    "starts_with_any": lambda operand, value: (*_each(_begin, operand, value), *OTHER_TEXTS),
    "ends_with_any": lambda operand, value: (*_each(_end, operand, value), *OTHER_TEXTS),
    "length": _lengths,
    "min_length": _lengths,
    "max_length": _lengths,
    "in_cidr": lambda operand, value: (*map(_address, texts_of(operand)[:_MOST_MEMBERS]), *_OTHER_ADDRESSES),
    "not_in_cidr": lambda operand, value: (
        *map(_address, texts_of(operand)[:_MOST_MEMBERS]),
        *_OTHER_ADDRESSES,
    ),
    "email_domain": lambda operand, value: _mailboxes(operand),
    "email_domain_within": lambda operand, value: _mailboxes(operand),
    "matches": lambda operand, value: OTHER_TEXTS,
}
