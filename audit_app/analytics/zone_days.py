"""Days of a zone from sums of days of UTC: only what lies between the two midnights is read by the hour. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from audit_app.analytics.chart import Axis
from audit_app.analytics.spans import Piece, Span, pieces
from audit_app.records.rollups import DAY


@dataclass(frozen=True, slots=True)
class Cover:
    """Sums to read, and what those of one grain and begin add to bars: others add to the bar that they begin in."""

    pieces: Sequence[Piece]
    parts: Mapping[tuple[int, int], Sequence[tuple[int, int]]]

    def parts_of(self, axis: Axis, grain: int, at: int) -> Sequence[tuple[int, int]]:
        """Bars and signs."""
        return self.parts.get((grain, at)) or ((axis.index(at), 1),)


def cover_of(axis: Axis, span: Span) -> Cover:
    """What the bars are made of."""
    first, last = -(-span.since // DAY) * DAY, span.until // DAY * DAY
    if axis.step < DAY:
        return Cover(pieces(span, axis.step), {})
    if first >= last:
        return Cover([piece for bar in _bars(axis, span) for piece in pieces(bar)], {})
    found = [piece for end in _ends(axis, span, first, last) for piece in pieces(end)]
    found.append((DAY, Span(first, last)))
    parts: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for day in range(first, last, DAY):
        home, moves = _moves(axis, day)
        parts[DAY, day].append((home, 1))
        for moved, source, target in moves:
            found += pieces(moved)
            for key in _sums(pieces(moved)):
                parts[key] += [(source, -1), (target, 1)]
    return Cover(found, parts)


def _bars(axis: Axis, span: Span) -> list[Span]:
    return [Span(*bar) for bar in pairwise((*axis.begins, span.until))]


def _ends(axis: Axis, span: Span, first: int, last: int) -> Iterator[Span]:
    """What of the bars is before the first whole day and after the last one."""
    for bar in _bars(axis, span):
        for since, until in ((bar.since, min(bar.until, first)), (max(bar.since, last), bar.until)):
            if since < until:
                yield Span(since, until)


def _moves(axis: Axis, day: int) -> tuple[int, list[tuple[Span, int, int]]]:
    """The bar that a day is counted in, and what of it is taken from one and given to another."""
    inner = [(at, bar) for bar, at in enumerate(axis.begins) if day < at < day + DAY]
    if len(inner) == 1 and inner[0][0] - day < DAY // 2:
        ((at, bar),) = inner
        return bar, [(Span(day, at), bar, bar - 1)]
    return axis.index(day), [(Span(at, day + DAY), bar - 1, bar) for at, bar in inner]


def _sums(found: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    for grain, span in found:
        for at in range(span.since, span.until, grain):
            yield grain, at
