"""Which values a field can have under several clauses.

Every operator is constant between the operands that stand in the clauses: so a number of each stretch, a text of each
stretch, and one value of every other type stand for all values there are, and the engine's own tests are asked about
these. Only what looks into a text (contains, ends_with, matches) is not constant; a stretch of texts is then taken to
hold a fitting one, unless two clauses plainly contradict each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from rules_app.checking.literals import KNOWN, Literal
from rules_app.engine.scope import MISSING

MOST_OPERANDS = 2_000
_INTO_TEXT = frozenset(("contains", "not_contains", "ends_with", "matches"))
_ORDERED = frozenset(("gt", "gte", "lt", "lte"))
_GUESSES = ("x", "AA", "USD", "a@example.com", "2027-01-01", "0" * 8)
_KINDS = frozenset(("missing", "null", "bool", "number", "text", "list", "object"))


class _Answer:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


NOTHING: Final = _Answer("no value fits")
SOMETHING: Final = _Answer("a value may fit, none is known")


def _anything(value: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Domain:
    """What a field can hold. `kinds` are names of JSON types, "missing" and "integer" (in place of "number").

    `members`: nothing but these and what is no text or number. `low` and `high` bound numbers, or texts by their
    characters. `accepts` has the last word on a single value; it must be true of what the field can hold.
    """

    kinds: frozenset[str] = _KINDS
    low: Any = None
    high: Any = None
    members: tuple[Any, ...] | None = None
    accepts: Callable[[Any], bool] = _anything

    @property
    def is_integer(self) -> bool:
        return "integer" in self.kinds

    def holds(self, value: Any) -> bool:
        """Whether a number or text lies within the bounds."""
        try:
            low = self.low is None or self.low <= value
            return low and (self.high is None or value <= self.high)
        except TypeError:
            return True


ANY = Domain()


def find_value(domain: Domain, literals: Collection[Literal]) -> Any:
    """A value that all of them accept, SOMETHING where there may be one, NOTHING where there certainly is none."""
    if _contradict(literals):
        return NOTHING
    known = [literal for literal in literals if literal.operator in KNOWN]
    if sum(len(operands_of(literal)) for literal in known) > MOST_OPERANDS:
        return SOMETHING
    for value in _whole_values(domain, known):
        if domain.accepts(value) and all(literal.holds(value) for literal in known):
            return value if len(known) == len(literals) else SOMETHING
    return SOMETHING if _fits_between(domain, known) else NOTHING


def operands_of(literal: Literal) -> Sequence[Any]:
    return literal.operand if isinstance(literal.operand, list) else (literal.operand,)


def _contradict(literals: Collection[Literal]) -> bool:
    """Whether one is the denial of another."""
    return any(literal.positive and literal.opposite in literals for literal in literals)


def _whole_values(domain: Domain, literals: Sequence[Literal]) -> Iterator[Any]:
    """Values that are themselves asked about: all but the stretches between two texts."""
    if domain.members is not None:
        yield from domain.members
    else:
        if "text" in domain.kinds:
            yield from filter(domain.holds, (*_texts(literals), *_guesses(literals)))
        if domain.kinds & {"number", "integer"}:
            yield from filter(domain.holds, _numbers(domain, literals))
    if "list" in domain.kinds:
        yield _list(literals)
    if "bool" in domain.kinds:
        yield from (True, False)
    others: tuple[tuple[str, Any], ...] = (("object", {}), ("null", None), ("missing", MISSING))
    yield from (value for kind, value in others if kind in domain.kinds)


def _list(literals: Sequence[Literal]) -> list[Any]:
    """The smallest list that holds every member asked for: what it must not hold is likeliest to be absent."""
    asked = (("contains", True), ("not_contains", False))
    return [literal.operand for literal in literals if (literal.operator, literal.positive) in asked]


def _numbers(domain: Domain, literals: Sequence[Literal]) -> Iterator[float]:
    """Each number that a clause names or that bounds the field, one between each two, and one at either end."""
    named = {one for literal in literals for one in operands_of(literal) if type(one) in (int, float)}
    named |= {bound for bound in (domain.low, domain.high) if type(bound) in (int, float)}
    points = sorted(named) or [0]
    found = [*points, *_between(points), math.ceil(points[0]) - 1, math.floor(points[-1]) + 1]
    yield from (int(one) if domain.is_integer else one for one in found if _fits(domain, one))


def _fits(domain: Domain, number: float) -> bool:
    return not domain.is_integer or not isinstance(number, float) or number.is_integer()


def _between(points: Sequence[float]) -> Iterator[float]:
    for low, high in pairwise(points):
        whole = math.floor(low) + 1
        if whole < high:
            yield whole
        elif (broken := _float_above(low)) < high:
            yield broken


def _float_above(number: float) -> float:
    try:
        near = float(number)
    except OverflowError:  # an integer beyond all floats
        return math.inf
    return near if near > number else math.nextafter(near, math.inf)


def _texts(literals: Sequence[Literal]) -> list[str]:
    """Each text at which the truth of an exact clause may change."""
    found = set()
    for literal in literals:
        for one in operands_of(literal):
            if isinstance(one, str) and literal.operator not in _INTO_TEXT:
                found.add(one)
                if literal.operator == "starts_with":
                    found.add(_behind_all_that_begin_with(one))
    return sorted(found - {""})


def _behind_all_that_begin_with(text: str) -> str:
    """The first text, by its characters, that comes after all those; "" where there is none."""
    for at in range(len(text) - 1, -1, -1):
        if ord(text[at]) < 0x10FFFF:
            return text[:at] + chr(ord(text[at]) + 1)
    return ""


def _guesses(literals: Sequence[Literal]) -> Iterator[str]:
    """Texts that are likely to fit, to have an example. Whether one fits proves nothing of the rest."""
    inside = "".join(
        one.operand
        for one in literals
        if (one.operator, one.positive) == ("contains", True) and isinstance(one.operand, str)
    )
    ends = "".join(
        one.operand
        for one in literals
        if one.operator == "ends_with" and one.positive and isinstance(one.operand, str)
    )
    for begin in ("", *(text for text in _texts(literals))):
        yield from (f"{begin}{inside}{ends}", f"{begin}x{inside}{ends}")
    yield from _GUESSES


def _fits_between(domain: Domain, literals: Sequence[Literal]) -> bool:
    """Whether a stretch between two texts is in the domain and fits the exact clauses."""
    if "text" not in domain.kinds or domain.members is not None or _texts_contradict(literals):
        return False
    exact = [literal for literal in literals if literal.operator not in _INTO_TEXT]
    bounds = [bound for bound in (domain.low, domain.high) if isinstance(bound, str)]
    points = sorted({*_texts(literals), *bounds, ""})
    for low, high in zip(points, (*points[1:], None), strict=True):
        inner = low + "\x00"  # the very next text
        if (high is None or inner < high) and domain.holds(inner) and all(one.holds(inner) for one in exact):
            return True
    return False


def _texts_contradict(literals: Sequence[Literal]) -> bool:
    """Whether what a text must hold and what it must not plainly exclude each other."""
    asked = [(one.operator, one.operand) for one in literals if one.positive and isinstance(one.operand, str)]
    denied = [
        (one.operator, one.operand) for one in literals if not one.positive and isinstance(one.operand, str)
    ]
    # Of a text, to deny that it lacks a part is to ask for it.
    parts = [text for name, text in asked if name in ("contains", "starts_with", "ends_with")]
    parts += [text for name, text in denied if name == "not_contains"]
    absent = [text for name, text in denied if name == "contains"]
    absent += [text for name, text in asked if name == "not_contains"]
    ends = sorted((text for name, text in asked if name == "ends_with"), key=len)
    return any(gone in part for part in parts for gone in absent) or any(
        not longer.endswith(shorter) for shorter, longer in pairwise(ends)
    )
