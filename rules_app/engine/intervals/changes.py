"""The next instant at which an interval begins or ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rules_app.engine.intervals.model import DAY_MINUTES, Interval

DAYS_AHEAD = (
    800  # over a whole year of any calendar, leap day and all; what is further off is "not within two years"
)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


def next_change(interval: Interval, now: datetime) -> datetime | None:
    """When `interval.holds` changes next, or None where it does not within DAYS_AHEAD days."""
    if interval.is_always:
        return None
    held, zone = interval.holds(now), interval.zone
    start = now.astimezone(UTC).replace(second=0, microsecond=0)
    for _ in range(DAYS_AHEAD):
        for moment in _moments(interval, start, zone):
            if interval.holds(moment) != held:
                return moment
        start += _DAY
    return None


def _moments(interval: Interval, start: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants of the 24 hours after `start` at which it may change, in their order.

    Those are the ends of its times, each midnight, and where the clock is put. By instants and not by days of the
    calendar: an evening and the night of a clock change overlap with what the day after lists.
    """
    first = start.astimezone(zone).date() - _DAY
    edges = (moment for days in range(4) for moment in _edges(interval, first + _DAY * days, zone))
    return sorted({moment for moment in edges if start < moment <= start + _DAY} | set(_jumps(start, zone)))


def _edges(interval: Interval, day: date, zone: ZoneInfo) -> Iterator[datetime]:
    minutes = {0}
    for one in interval.ranges:
        if one.holds_day(day):
            minutes |= {edge for span in one.times for edge in (span.start, span.end) if edge < DAY_MINUTES}
    for minute in minutes:
        yield from _instants(day, minute, zone)


def _instants(day: date, minute: int, zone: ZoneInfo) -> Iterator[datetime]:
    """Once, or twice where the clock comes by again. One that it skips is an instant beside it, which harms nobody."""
    local = datetime.combine(day, time(minute // 60, minute % 60), zone)
    for fold in (0, 1):
        yield local.replace(fold=fold).astimezone(UTC)


def _jumps(start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The first instant of each new offset within the 24 hours after `start`."""
    for hour in range(24):
        before, after = start + timedelta(hours=hour), start + timedelta(hours=hour + 1)
        if _offset(before, zone) != _offset(after, zone):
            while after - before > _MINUTE:
                middle = before + _MINUTE * ((after - before) // _MINUTE // 2)
                if _offset(middle, zone) == _offset(before, zone):
                    before = middle
                else:
                    after = middle
            yield after


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
