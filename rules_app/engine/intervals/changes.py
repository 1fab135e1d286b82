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


def next_change(interval: Interval, now: datetime) -> datetime | None:
    """When `interval.holds` changes next, or None where it does not within DAYS_AHEAD days."""
    if interval.is_always:
        return None
    held, zone = interval.holds(now), interval.zone
    day = now.astimezone(zone).date()
    for _ in range(DAYS_AHEAD):
        for moment in _moments(interval, day, zone):
            if moment > now and interval.holds(moment) != held:
                return moment
        day += timedelta(days=1)
    return None


def _moments(interval: Interval, day: date, zone: ZoneInfo) -> list[datetime]:
    """The instants of a day at which it may change: its own minutes, midnight, and where the clock is put."""
    minutes = {0}
    for one in interval.ranges:
        if one.holds_day(day):
            minutes |= {edge for span in one.times for edge in (span.start, span.end) if edge < DAY_MINUTES}
    found = {moment for minute in minutes for moment in _instants(day, minute, zone)}
    return sorted(found | set(_jumps(day, zone)))


def _instants(day: date, minute: int, zone: ZoneInfo) -> Iterator[datetime]:
    """Once, or twice where the clock comes by again. One that it skips is an instant beside it, which harms nobody."""
    local = datetime.combine(day, time(minute // 60, minute % 60), zone)
    for fold in (0, 1):
        yield local.replace(fold=fold).astimezone(UTC)


def _jumps(day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """The first instant of each new offset on that day (and an hour or two around it)."""
    start = datetime.combine(day, time(), zone).astimezone(UTC) - timedelta(hours=2)
    for hour in range(28):
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
