"""`effective_from` and `effective_until`: when a rule is asked, from its first instant to before its last one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from acteon_site.base.clock_text import parse_time
from rules_app.engine.scope import kind_of

FROM, UNTIL = KEYS = ("effective_from", "effective_until")
_PLAIN = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?", re.ASCII)
_FORMS = "'2026-12-24T09:00:00+01:00', or '2026-12-24 09:00' or '2026-12-24' in the rule's time zone"
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


@dataclass(frozen=True, slots=True)
class Edge:
    """One end, as written, and its moment: aware, or the clock of the zone that the rule goes by."""

    text: str
    moment: datetime

    def at(self, zone: tzinfo) -> datetime:
        """The instant. A time that the zone's clock skips is taken as the clock stood before."""
        moment = self.moment
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Effect:
    """When a rule is asked. Either end may be open (None)."""

    begin: Edge | None
    end: Edge | None

    def outside(self, now: datetime, zone: tzinfo) -> str | None:
        """Why the rule is not asked at that moment, or None where it is."""
        if self.begin and now < self.begin.at(zone):
            return f"takes effect on {self.begin.text}"
        if self.end and now >= self.end.at(zone):
            return f"was in effect until {self.end.text}"
        return None

    def ended(self, now: datetime, zone: tzinfo) -> bool:
        return self.end is not None and now >= self.end.at(zone)

    @property
    def in_words(self) -> str:
        parts = [("from", self.begin), ("until", self.end)]
        return " ".join(f"{word} {edge.text}" for word, edge in parts if edge)


def effect_of(spec: Mapping[str, Any]) -> Effect | None:
    """What a spec without problems says of it; None where it is always asked."""
    begin, end = (_edge(spec.get(key)) for key in KEYS)
    return Effect(begin, end) if begin or end else None


def edge_problem(value: Any) -> str | None:
    """What is wrong with one end by itself. Empty text is none."""
    if isinstance(value, datetime | date):
        return f"is a time without quotes; quote it: '{value.isoformat()}'"
    if not isinstance(value, str):
        return f"must be a time in quotes, {_FORMS}; this is {kind_of(value)}"
    edge = _edge(value)
    if value and edge is None:
        return f"must be {_FORMS}"
    if edge and not _FIRST_YEAR <= edge.moment.year <= _LAST_YEAR:
        return f"must lie in the years {_FIRST_YEAR} to {_LAST_YEAR}"
    return None


def order_problem(spec: Mapping[str, Any], zone: tzinfo | None) -> str | None:
    """Where the end does not come after the beginning. Of a clock and an instant that needs the rule's own zone."""
    begin, end = (_edge(spec.get(key)) for key in KEYS)
    if begin is None or end is None:
        return None
    mixed = (begin.moment.tzinfo is None) is not (end.moment.tzinfo is None)
    if mixed and zone is None:
        return None
    own = zone or UTC
    return None if begin.at(own) < end.at(own) else f"must come after {FROM}, {begin.text}"


def _edge(value: Any) -> Edge | None:
    if not isinstance(value, str) or not value:
        return None
    if moment := parse_time(value):
        return Edge(value, moment)
    match = _PLAIN.fullmatch(value)
    try:
        return Edge(value, datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}")) if match else None
    except ValueError:
        return None
