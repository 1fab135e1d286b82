"""What an interval is, and whether an instant lies in it."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from rules_app.engine.named_lists import Identity, places

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end`; the end belongs to it, but for times of day."""

    start: int
    end: int

    def holds(self, value: int) -> bool:
        return self.start <= value <= self.end


@dataclass(frozen=True, slots=True)
class TimeRange:
    """An instant lies in it where each of these says so; one that is empty says yes to all.

    `times` are minutes of the wall clock, each from its start to before its end; days of the month below 0 count from
    the month's last day, which is -1.
    """

    times: tuple[Span, ...] = ()
    weekdays: tuple[Span, ...] = ()
    days_of_month: tuple[Span, ...] = ()
    months: tuple[Span, ...] = ()
    years: tuple[Span, ...] = ()

    def holds(self, local: datetime) -> bool:
        return self.holds_day(local.date()) and self.holds_minute(local.hour * 60 + local.minute)

    def holds_minute(self, minute: int) -> bool:
        return not self.times or any(one.start <= minute < one.end for one in self.times)

    def holds_day(self, day: date) -> bool:
        return (
            _any(self.weekdays, day.isoweekday())
            and _any(self.months, day.month)
            and _any(self.years, day.year)
            and _any_day(self.days_of_month, day)
        )


def _any(spans: tuple[Span, ...], value: int) -> bool:
    return not spans or any(span.holds(value) for span in spans)


def _any_day(spans: tuple[Span, ...], day: date) -> bool:
    """By the calendar, since a month with a clock change does not last a whole number of days."""
    if not spans:
        return True
    last = monthrange(day.year, day.month)[1]
    return any(_from_first(one.start, last) <= day.day <= _from_first(one.end, last) for one in spans)


def _from_first(day: int, last: int) -> int:
    return day if day > 0 else last + day + 1


@dataclass(frozen=True, slots=True)
class Interval:
    """Some ranges of the wall clock of one zone. An instant lies in it where it lies in one of them."""

    name: str
    ranges: tuple[TimeRange, ...]
    zone: ZoneInfo
    namespace: str = "*"
    tenant: str = "*"
    location: str = ""
    description: str = ""

    @property
    def identity(self) -> Identity:
        return self.name, self.namespace, self.tenant

    def holds(self, now: datetime) -> bool:
        local = now.astimezone(self.zone)
        return any(one.holds(local) for one in self.ranges)

    @property
    def is_always(self) -> bool:
        """Some range asks nothing at all."""
        whole = Span(0, DAY_MINUTES)
        return any(
            not (one.weekdays or one.days_of_month or one.months or one.years)
            and (not one.times or whole in one.times)
            for one in self.ranges
        )


class Intervals:
    """All intervals of a version of the rules. A name that leads nowhere raises: rules then fail closed."""

    __slots__ = ("_held",)

    def __init__(self, held: Mapping[Identity, Interval] | None = None) -> None:
        self._held = held or {}

    def __iter__(self) -> Iterator[Interval]:
        return iter(self._held.values())

    def named(self, name: str, namespace: str, tenant: str) -> Interval:
        """The tenant's, else the namespace's, else the one that all share."""
        found = (self._held.get((name, *place)) for place in places(namespace, tenant))
        interval = next((one for one in found if one), None)
        if interval is None:
            raise LookupError(f"there is no time interval named {name} for {namespace}/{tenant}")
        return interval

    def holding(self, names: tuple[str, ...], namespace: str, tenant: str, now: datetime) -> str | None:
        """The first of them in which the instant lies."""
        return next((name for name in names if self.named(name, namespace, tenant).holds(now)), None)


NO_INTERVALS = Intervals()
