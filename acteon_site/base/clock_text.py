"""Times as text, for programs (RFC 3339) and for people. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_time(text: object) -> datetime | None:
    """The instant that an RFC 3339 text with offset names, in UTC; None where it is none."""
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    micros = (fraction or "0")[:6].ljust(6, "0")
    zone = "+00:00" if offset in ("Z", "z") else offset
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{micros}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and a Z, as every answer spells a time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_or_none(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None


_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_WORDS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def span_text(seconds: float) -> str:
    """The two largest units: 75 as "1 min 15 s", 90,000 as "1 d 1 h"."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part) or "0 s"


def span_in_words(seconds: int) -> str:
    """90 as "90 seconds", 3600 as "1 hour": the largest unit that counts it whole."""
    unit, size = next((unit, size) for unit, size in _WORDS if seconds % size == 0)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"


def moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "-"


def ago(at: datetime) -> str:
    return f"{span_text((datetime.now(UTC) - at).total_seconds())} ago"
