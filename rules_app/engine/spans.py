"""Dates and moments in texts, as spans of time, and lengths of time. Pure; nothing here raises for what a text holds.

A moment is RFC 3339. A plain date is the whole day, and a time without an offset stands there, both in the zone of the
rule that asks.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = 86_400_000_000
_LONGEST = 40
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII
)
_SHORT = re.compile(
    r"(?:(\d{1,9}) ?w)? ?(?:(\d{1,9}) ?d)? ?(?:(\d{1,9}) ?h)? ?(?:(\d{1,9}) ?m(?:in)?)? ?(?:(\d{1,10}) ?s)?",
    re.ASCII,
)
_ISO = re.compile(
    r"P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,10})S)?)?", re.ASCII
)
_UNITS = (7 * 86_400, 86_400, 3_600, 60, 1)
Span = tuple[int, int]  # the first and the last microsecond since 1970


def read_moment(text: Any) -> date | datetime | None:
    """A date, a moment, or a moment without its offset; None where the text is none of them."""
    match = _MOMENT.fullmatch(text) if type(text) is str and len(text) <= _LONGEST else None
    if match is None:
        return None
    day, clock, seconds, fraction, offset = match.groups()
    try:
        if clock is None:
            return date.fromisoformat(day)
        micros = (fraction or "0")[:6].ljust(6, "0")
        zone = "+00:00" if offset in ("Z", "z") else offset or ""
        return datetime.fromisoformat(f"{day}T{clock}{seconds or ':00'}.{micros}{zone}")
    except ValueError:
        return None


def span_of(moment: date | datetime, zone: tzinfo) -> Span:
    """All of a day, or one instant."""
    if isinstance(moment, datetime):
        at = micros_of(moment if moment.tzinfo else moment.replace(tzinfo=zone))
        return at, at
    begin = micros_of(datetime.combine(moment, time(), zone))
    if moment == date.max:  # no day of the calendar follows
        return begin, begin + _DAY - 1
    return begin, micros_of(datetime.combine(moment + timedelta(days=1), time(), zone)) - 1


def span_in(text: Any, zone: tzinfo) -> Span | None:
    moment = read_moment(text)
    return None if moment is None else span_of(moment, zone)


def micros_of(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND


def read_duration(text: Any) -> int | None:
    """Seconds of "30d", "1d 12h", "P30D" or "PT36H"; None where the text is no length of time."""
    if type(text) is not str or not text or len(text) > _LONGEST:
        return None
    match = _ISO.fullmatch(text) or _SHORT.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    return sum(int(count or 0) * size for count, size in zip(match.groups(), _UNITS, strict=True))
