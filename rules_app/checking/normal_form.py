"""Conditions as alternatives of conjunctions (disjunctive normal form), as far as that stays small."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rules_app.checking.literals import Key, Term, literal_of
from rules_app.engine.conditions import GROUPS, Condition, Leaf

MOST_TERMS = 128
MOST_PRODUCTS = 4_000
EMPTY: Term = frozenset()


class TooLarge(Exception):
    """The condition has more alternatives than is worth looking at; nothing is said of it."""


def terms_of(
    condition: Condition,
    key_of: Callable[[Leaf], Key],
    possible: Callable[[Term], bool],
    *,
    positive: bool = True,
    beside: Term = EMPTY,
) -> list[Term]:
    """The alternatives in which the condition holds (or, not `positive`, does not), each with `beside`.

    Alternatives that are not `possible` are left out. Raises TooLarge.
    """
    if condition.leaf is not None:
        literal = literal_of(condition.leaf, key_of(condition.leaf), positive=positive)
        return _kept([beside | {literal}], possible)
    if condition.group not in GROUPS:
        raise TooLarge
    if condition.group == "not":
        (child,) = condition.children
        return terms_of(child, key_of, possible, positive=not positive, beside=beside)
    each = condition.children
    if (condition.group == "all") is positive:
        found = _kept([beside], possible)
        for child in each:
            inner = terms_of(child, key_of, possible, positive=positive)
            found = _product(found, inner, possible)
        return found
    return _kept(
        (
            term
            for child in each
            for term in terms_of(child, key_of, possible, positive=positive, beside=beside)
        ),
        possible,
    )


def _product(ones: list[Term], others: list[Term], possible: Callable[[Term], bool]) -> list[Term]:
    if len(ones) * len(others) > MOST_PRODUCTS:
        raise TooLarge
    return _kept((one | other for one in ones for other in others), possible)


def _kept(terms: Iterable[Term], possible: Callable[[Term], bool]) -> list[Term]:
    found = [term for term in dict.fromkeys(terms) if possible(term)]
    if len(found) > MOST_TERMS:
        raise TooLarge
    return found
