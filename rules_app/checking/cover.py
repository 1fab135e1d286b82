"""What is left of terms once others have taken theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rules_app.checking.literals import Term
from rules_app.checking.space import Space

MOST_LEFT = 64


def covered(terms: Sequence[Term], taken: Sequence[Term], space: Space) -> bool:
    """Whether `taken` certainly cover all of `terms`.

    Where one action of a term is left, all of it is certainly not taken: cheaper to see than to prove.
    """
    points = (space.point(term) for term in terms)
    if any(point and not any(space.at(point, one) for one in taken) for point in points):
        return False
    return left_over(terms, taken, space) == []


def left_over(terms: Iterable[Term], taken: Iterable[Term], space: Space) -> list[Term] | None:
    """What of `terms` none of `taken` covers, in disjoint pieces; empty: all is covered. None: too much to follow."""
    left = list(terms)
    for one in taken:
        left = [piece for term in left for piece in _without(term, one, space)]
        if len(left) > MOST_LEFT:
            return None
        if not left:
            break
    return left


def _without(term: Term, taken: Term, space: Space) -> list[Term]:
    """`term` and not `taken`: for each of its literals, what fails there first."""
    if not space.meet(term, taken):
        return [term]
    pieces, inside = [], term
    for literal in sorted(taken - term):
        outside = inside | {literal.opposite}
        if space.possible(outside):
            pieces.append(outside)
        inside |= {literal}
    return pieces
