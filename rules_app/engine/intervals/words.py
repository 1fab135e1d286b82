"""An interval in words, for pages and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rules_app.engine.intervals.model import Interval, Span, TimeRange
from rules_app.engine.intervals.parsing import MONTHS, clock
from rules_app.engine.times import WEEKDAYS


def in_words(interval: Interval) -> str:
    """`Monday to Friday, 09:00 to 17:00; or the last day of the month (America/New_York)`."""
    ranges = "; or ".join(_range_in_words(one) for one in interval.ranges)
    return f"{ranges} ({interval.location or 'UTC'})"


def _range_in_words(one: TimeRange) -> str:
    parts = [
        _joined(one.weekdays, lambda day: WEEKDAYS[day - 1]),
        _days(one.days_of_month),
        _joined(one.months, lambda month: MONTHS[month - 1], "in "),
        _joined(one.years, str, "in "),
        _joined(one.times, clock),
    ]
    return ", ".join(part for part in parts if part) or "at all times"


def _joined(spans: Iterable[Span], say: Callable[[int], str], before: str = "") -> str:
    said = [
        say(one.start) if one.start == one.end else f"{say(one.start)} to {say(one.end)}" for one in spans
    ]
    return before + " and ".join(said) if said else ""


def _days(spans: Iterable[Span]) -> str:
    said = _joined(spans, _day)
    return f"on {said} of the month" if said else ""


def _day(day: int) -> str:
    if day == -1:
        return "the last day"
    if day < 0:
        return f"the {_ordinal(-day)} last day"
    return f"day {day}"


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
