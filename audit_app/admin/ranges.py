"""What of the dashboard's address is a range: the last hours or days, or from one day of the zone to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from audit_app.analytics.spans import Span, whole_span
from audit_app.records.rollups import DAY
from audit_app.services.rollups import MINUTES_KEPT

WEEK = 7 * DAY
MOST_DAYS = 366
USUAL = "today"
# The names in the address, and what they are called.
CHOICES = {
    "hour": "Last hour",
    "today": "Today",
    "yesterday": "Yesterday",
    "day": "Last 24 hours",
    "week": "Last 7 days",
    "month": "Last 30 days",
}
_BACK = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Range:
    """`choice` is empty where days were given; `problem` says what was wrong with them."""

    span: Span
    before: Span
    choice: str = ""
    first: str = ""
    last: str = ""
    problem: str = ""


def range_of(query: Mapping[str, str], now: datetime, zone: ZoneInfo) -> Range:
    first, last = query.get("first", ""), query.get("last", "")
    if not (first or last):
        return _chosen(query.get("range", USUAL), now, zone)
    days = _days(first, last)
    if isinstance(days, str):
        usual = _chosen(USUAL, now, zone)
        return Range(usual.span, usual.before, USUAL, first, last, days)
    since, until = _midnight(days[0], zone), _midnight(days[1] + timedelta(days=1), zone)
    span = _whole(since, min(until, max(now, since + timedelta(minutes=1))), now)
    return Range(span, _before(span), "", first, last)


def _chosen(choice: str, now: datetime, zone: ZoneInfo) -> Range:
    choice = choice if choice in CHOICES else USUAL
    today, until = _midnight(now.astimezone(zone).date(), zone), now
    if choice == "today":
        since = today
    elif choice == "yesterday":
        since, until = _midnight(now.astimezone(zone).date() - timedelta(days=1), zone), today
    else:
        since = now - _BACK[choice]
    span = _whole(since, until, now)
    return Range(span, _before(span), choice)


def _whole(since: datetime, until: datetime, now: datetime) -> Span:
    return whole_span(since.timestamp(), until.timestamp(), int((now - MINUTES_KEPT).timestamp()))


def _before(span: Span) -> Span:
    """As many whole weeks earlier as it takes not to overlap, by the clock's seconds."""
    return span.before(-(-span.seconds // WEEK) * WEEK)


def _days(first: str, last: str) -> tuple[date, date] | str:
    try:
        days = (date.fromisoformat(first or last), date.fromisoformat(last or first))
    except ValueError:
        return "A day is written like 2026-03-31."
    if days[0] > days[1]:
        return "The first day is after the last one."
    if (days[1] - days[0]).days > MOST_DAYS or days[0].year < 2000:
        return f"At most {MOST_DAYS} days can be shown."
    return days


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
