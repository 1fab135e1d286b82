"""Cron expressions of five fields in a time zone: what is wrong with one, and the instants that it means.

What matches by the clock on the wall cronsim says; which instants those are is decided here, as Debian's cron does it:

- an expression with a fixed minute and hour means each time once: one that does not exist on the day when clocks go
  forward is right after the gap, one that comes twice is the first of the two;
- one whose minute or hour begins with a star goes by elapsed minutes: it has none in the gap, and all of both hours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

LONGEST = 200
FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
# Of each field: what it may hold.
RANGES = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, L or LW, and one that the months have",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7 or SUN to SAT (0 and 7 are Sunday), such as 5L or MON#1",
}
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
NEVER = "never comes to a day that exists; a day of the month must be one that one of the months has"
# No clock is put back by more than this.
LONGEST_SHIFT = timedelta(hours=26)
_SECOND = timedelta(seconds=1)
_ALLOWED = re.compile(r"[0-9A-Za-z*,/#\- ]+")


def cron_text(value: str) -> str:
    """The expression with one blank between its fields."""
    return " ".join(value.split())


def cron_problem(value: object) -> str | None:
    """What is wrong with an expression, and what to write instead; None where nothing is."""
    if not isinstance(value, str) or not value.strip():
        return "is required: five fields, minute hour day-of-month month day-of-week, such as 0 9 * * MON-FRI"
    text = cron_text(value)
    if len(text) > LONGEST:
        return f"must have at most {LONGEST} characters"
    if text.lower() in NICKNAMES:
        return f"must be spelt in five fields: write {NICKNAMES[text.lower()]}"
    count = len(text.split())
    if count in (6, 7):
        return (
            f"has {count} fields and must have five (no seconds, no year): minute hour day-of-month month "
            "day-of-week; nothing fires more than once a minute"
        )
    if count != len(FIELDS):
        return f"has {count} fields and must have five, such as */15 * * * * or 0 9 * * MON-FRI"
    if "?" in text:
        return "must have * in place of ?"
    if not _ALLOWED.fullmatch(text):
        return "holds what no cron expression has; digits, names of days and months, and * , - / # are known"
    return _parse_problem(text)


def _parse_problem(text: str) -> str | None:
    try:
        simulated = CronSim(text, datetime(2000, 1, 1))  # noqa: DTZ001 - the clock on the wall
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        if name == "day-of-month" and _parses_without_days(text):
            return NEVER
        at = FIELDS.index(name) if name in FIELDS else 0
        return f"has a wrong {FIELDS[at]} ({text.split()[at]}): it may be {RANGES[FIELDS[at]]}"
    except (ValueError, AssertionError):
        return "is no cron expression, such as */15 * * * * or 0 9 * * MON-FRI"
    return None if next(simulated, None) else NEVER


def _parses_without_days(text: str) -> bool:
    """Whether only the month is too short for the day."""
    minute, hour, day, _, weekday = text.split()
    try:
        CronSim(f"{minute} {hour} {day} * {weekday}", datetime(2000, 1, 1))  # noqa: DTZ001 - as above
    except (CronSimError, ValueError, AssertionError):
        return False
    return True


def cron_words(text: str) -> str:
    """The expression in words: "At 09:00 on Monday through Friday"."""
    return CronSim(text, datetime(2000, 1, 1)).explain()  # noqa: DTZ001 - as above


def zone_problem(value: object) -> str | None:
    if isinstance(value, str) and value in _zones():
        return None
    return "must be the name of a time zone, such as Europe/Berlin or UTC"


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@dataclass(frozen=True, slots=True)
class Schedule:
    """A right expression in a zone. `starts` and `ends` bound it, both included."""

    expression: str
    zone: str = "UTC"
    starts: datetime | None = None
    ends: datetime | None = None

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The instants after this one in their order, in UTC, none twice."""
        start = moment.astimezone(UTC)
        if self.starts is not None and self.starts > start:
            start = self.starts.astimezone(UTC) - timedelta(microseconds=1)
        walk = _fixed if _is_fixed(self.expression) else _elapsed
        with suppress(OverflowError):  # the calendar ends
            for instant in walk(self.expression, ZoneInfo(self.zone), start):
                if self.ends is not None and instant > self.ends:
                    return
                yield instant

    def next(self, moment: datetime) -> datetime | None:
        """The first after this instant; None where there is none any more."""
        return next(self.after(moment), None)

    def holds(self, instant: datetime) -> bool:
        """Whether this is one of its instants."""
        return self.next(instant - timedelta(microseconds=1)) == instant

    def between(self, first: datetime, last: datetime, *, most: int) -> list[datetime]:
        """The earliest of those from `first` to `last`, both included."""
        found: list[datetime] = []
        for instant in self.after(first - timedelta(microseconds=1)):
            if instant > last or len(found) == most:
                break
            found.append(instant)
        return found

    def latest(self, first: datetime, last: datetime, *, most: int) -> tuple[list[datetime], bool]:
        """The latest of those from `first` to `last`, and whether these are all.

        Looks back twice as far each time, so that a long time costs no walk through all of it.
        """
        span = timedelta(hours=2)
        while True:
            begin = max(first, last - span)
            found = self.between(begin, last, most=1_000_000)
            if len(found) > most:
                return found[-most:], False
            if begin == first:
                return found, True
            span *= 2


def _is_fixed(expression: str) -> bool:
    minute, hour = expression.split()[:2]
    return not minute.startswith("*") and not hour.startswith("*")


def _wall(expression: str, local: datetime) -> Iterator[datetime]:
    """The times that match by the clock on the wall, after this one."""
    return iter(CronSim(expression, local.replace(tzinfo=None)))


def _fixed(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    last = after
    for wall in _wall(expression, after.astimezone(zone)):
        instant = _instant(wall, zone)
        if instant > last:
            last = instant
            yield instant


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clock first shows this; where it never does, right after the gap."""
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    # In a gap fold=1 reckons by the offset behind it, and so comes out before it.
    return _change(zone, wall.replace(tzinfo=zone, fold=1).astimezone(UTC), instant)


def _elapsed(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Stretch by stretch of time in which the offset stays the same."""
    at, offset = after, _offset(zone, after)
    walls = _wall(expression, at.astimezone(zone))
    while (wall := next(walls, None)) is not None:
        instant = (wall - offset).replace(tzinfo=UTC)
        soon = min(instant, at + LONGEST_SHIFT)
        changed = next((one for one in (soon, instant) if _offset(zone, one) != offset), None)
        if changed is None:
            at = instant
            yield instant
            continue
        # The clock is changed before that: what it has shown may come again, or never.
        at = _change(zone, at, changed)
        offset = _offset(zone, at)
        walls = _wall(expression, at.astimezone(zone) - _SECOND)  # the moment of the change counts


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _change(zone: ZoneInfo, before: datetime, behind: datetime) -> datetime:
    """The first second from `before` on whose offset is another than there; it is another at `behind`."""
    low, offset = before.replace(microsecond=0), _offset(zone, before)
    seconds = int((behind - low).total_seconds()) + 1
    least, most = 0, seconds
    while most - least > 1:
        middle = (least + most) // 2
        if _offset(zone, low + timedelta(seconds=middle)) == offset:
            least = middle
        else:
            most = middle
    return low + timedelta(seconds=most)
