"""The `time.*` fields: the server's clock in the rule's time zone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from rules_app.engine.scope import kind_of
from rules_app.engine.suggest import nearest, unknown

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_BY_OTHER_SPELLING = {name.lower(): name for name in WEEKDAYS} | {name[:3].lower(): name for name in WEEKDAYS}


@dataclass(frozen=True, slots=True)
class TimeField:
    """One field of the clock. A number has bounds; a text has a check that names its form."""

    get: Callable[[datetime], int | str]
    low: int | None = None
    high: int | None = None
    text_problem: Callable[[str], str | None] | None = None
    ordered: bool = True

    @property
    def is_number(self) -> bool:
        return self.text_problem is None

    def value_problem(self, value: Any, path: str, slack: int) -> str | None:
        """Why the clock can never show this value; `slack` lets it lie that far outside the bounds."""
        if self.text_problem:
            return (
                self.text_problem(value) if isinstance(value, str) else f"must be text in quotes for {path}"
            )
        if isinstance(value, bool) or not isinstance(value, int):
            return f"must be a whole number for {path}"
        low, high = self.low or 0, self.high or 0
        return None if low - slack <= value <= high + slack else f"must be from {low} to {high} for {path}"


def _weekday_problem(text: str) -> str | None:
    return None if text in WEEKDAYS else unknown("weekday", text, WEEKDAYS, _BY_OTHER_SPELLING)


def _form(pattern: str, example: str) -> Callable[[str], str | None]:
    form = re.compile(pattern)
    return lambda text: None if form.fullmatch(text) else f"must look like '{example}'"


_date_problem = _form(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "2025-12-24")
_clock_problem = _form(r"([01][0-9]|2[0-3]):[0-5][0-9]", "09:30")

TIME_FIELDS: Mapping[str, TimeField] = {
    "hour": TimeField(lambda at: at.hour, 0, 23),
    "minute": TimeField(lambda at: at.minute, 0, 59),
    "second": TimeField(lambda at: at.second, 0, 59),
    "day": TimeField(lambda at: at.day, 1, 31),
    "month": TimeField(lambda at: at.month, 1, 12),
    "year": TimeField(lambda at: at.year, 1970, 9998),
    "weekday_num": TimeField(lambda at: at.isoweekday(), 1, 7),
    "timestamp": TimeField(lambda at: int(at.timestamp()), 0, 253_370_764_800),
    "weekday": TimeField(lambda at: WEEKDAYS[at.weekday()], text_problem=_weekday_problem, ordered=False),
    "date": TimeField(lambda at: at.date().isoformat(), text_problem=_date_problem),
    "clock": TimeField(lambda at: at.strftime("%H:%M"), text_problem=_clock_problem),
}


def time_map(moment: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Every time.* field at that moment in that zone, for traces."""
    local = moment.astimezone(zone)
    return {name: field.get(local) for name, field in TIME_FIELDS.items()}


def zone_of(name: str) -> ZoneInfo | None:
    """The zone of that name, or None where the tz database has none."""
    try:
        return ZoneInfo(name)
    # A directory of the database ("America") raises IsADirectoryError, "../x" a ValueError.
    except (LookupError, ValueError, OSError):
        return None


def timezone_problem(name: Any) -> str | None:
    if isinstance(name, str) and zone_of(name):
        return None
    if not isinstance(name, str):
        return f"must be the name of a time zone such as 'US/Eastern', not {kind_of(name)}"
    guess = nearest(name, _zones_by_lower_name(), _zones_by_lower_name())
    known = _zones_by_lower_name().get(guess or "", guess)
    hint = f", did you mean '{known}'?" if known else "; names look like 'US/Eastern' or 'Europe/London'"
    return f"unknown time zone '{name}'{hint}"


@cache
def _zones_by_lower_name() -> dict[str, str]:
    return {zone.lower(): zone for zone in available_timezones()}
