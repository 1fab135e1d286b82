"""Spans of time, in Unix seconds, and the sums that cover them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from audit_app.records.rollups import DAY, GRAINS, MINUTE, QUARTER


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` until before `until`."""

    since: int
    until: int

    @property
    def seconds(self) -> int:
        return self.until - self.since

    def before(self, seconds: int) -> Span:
        return Span(self.since - seconds, self.until - seconds)


# A grain, and the span that sums of it cover.
Piece = tuple[int, Span]


def whole_span(since: float, until: float, minutes_from: int) -> Span:
    """The smallest span of whole minutes, or of whole quarters where minutes are no longer kept, that holds both."""
    first = _floor(since, MINUTE if since >= minutes_from else QUARTER)
    step = MINUTE if until >= minutes_from else QUARTER
    return Span(first, -_floor(-until, step))


def _floor(at: float, step: int) -> int:
    return int(at // step) * step


def pieces(span: Span, largest: int = DAY) -> list[Piece]:
    """The span in grains up to `largest`, each piece with its grain: whole days in the middle, minutes at the ends."""
    grains = [grain for grain in GRAINS if grain <= largest]
    return _pieces(span.since, span.until, grains)


def _pieces(since: int, until: int, grains: list[int]) -> list[Piece]:
    if since >= until:
        return []
    *smaller, grain = grains
    if not smaller:
        return [(grain, Span(since, until))]
    first, last = -_floor(-since, grain), _floor(until, grain)
    if first >= last:
        return _pieces(since, until, smaller)
    return [*_pieces(since, first, smaller), (grain, Span(first, last)), *_pieces(last, until, smaller)]
