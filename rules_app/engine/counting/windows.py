"""The windows that counters look back over: a sliding span, or a day, week or month of the calendar. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from acteon_site.base.clock_text import span_in_words
from rules_app.engine.counters import MICROSECONDS, micros, moment_of
from rules_app.engine.scope import kind_of
from rules_app.engine.suggest import unknown

CALENDAR = ("today", "this_week", "this_month")
LONGEST_DAYS = 92
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SPAN = re.compile(r"([1-9][0-9]{0,6})([smhd])", re.ASCII)
_OTHERWISE = {
    "day": "today",
    "daily": "today",
    "week": "this_week",
    "month": "this_month",
    "monthly": "this_month",
}
_WORDS = {"today": "today", "this_week": "this week", "this_month": "this month"}


@dataclass(frozen=True, slots=True)
class Window:
    """`seconds` of a sliding window; 0 where `calendar` names one of the calendar, in its zone."""

    seconds: int = 0
    calendar: str = ""

    def begin(self, now: int, zone: ZoneInfo) -> int:
        """What happened after this instant counts; of a calendar window, what happened since it began."""
        if self.seconds:
            return now - self.seconds * MICROSECONDS
        return micros(_calendar_begin(self.calendar, moment_of(now).astimezone(zone))) - 1

    def end(self, now: int, zone: ZoneInfo) -> int:
        """From this instant on, what happened now counts no more."""
        if self.seconds:
            return now + self.seconds * MICROSECONDS
        begin = _calendar_begin(self.calendar, moment_of(now).astimezone(zone))
        return micros(_following(self.calendar, begin))

    def in_words(self) -> str:
        return f"in {span_in_words(self.seconds)}" if self.seconds else _WORDS[self.calendar]


def parse_window(value: Any) -> Window | str:
    """The window, or what is wrong with it."""
    if isinstance(value, str) and value in CALENDAR:
        return Window(calendar=value)
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found:
        seconds = int(found[1]) * _UNITS[found[2]]
        return Window(seconds) if seconds <= LONGEST_DAYS * 86_400 else f"must be at most {LONGEST_DAYS}d"
    if isinstance(value, str) and not value[:1].isdigit():
        return unknown("window", value, (*CALENDAR, "24h"), _OTHERWISE)
    shown = repr(value) if isinstance(value, str) else kind_of(value)
    return f"must be a span such as 90s, 30m, 24h or 7d, or one of {', '.join(CALENDAR)}; this is {shown}"


def _calendar_begin(calendar: str, local: datetime) -> datetime:
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if calendar == "this_week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if calendar == "this_month" else day


def _following(calendar: str, begin: datetime) -> datetime:
    """Arithmetic on the wall clock: midnights stay midnights where the zone changes its clocks."""
    if calendar == "this_month":
        return (begin + timedelta(days=32)).replace(day=1)
    return begin + timedelta(days=7 if calendar == "this_week" else 1)
