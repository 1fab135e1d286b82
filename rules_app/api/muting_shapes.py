"""Silences and time intervals as answers spell them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from acteon_site.base.clock_text import rfc3339
from rules_app.engine.intervals import Interval, Span, TimeRange, parse_interval
from rules_app.engine.intervals.parsing import PARTS
from rules_app.models import Silence, TimeInterval
from rules_app.silences import ACTIVE, standing_of
from rules_app.specs import interval_spec


def silence_shape(row: Silence, now: datetime) -> dict[str, Any]:
    """`now` is the database's clock."""
    return {
        "id": str(row.pk),
        "namespace": row.namespace,
        "tenant": row.tenant,
        "matchers": row.matchers,
        "starts_at": rfc3339(row.starts_at),
        "ends_at": rfc3339(row.ends_at),
        "created_by": row.created_by,
        "comment": row.comment,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
        "active": standing_of(row, now) == ACTIVE,
    }


def interval_shape(row: TimeInterval, now: datetime) -> dict[str, Any]:
    interval, _ = parse_interval(interval_spec(row))
    return {
        "name": row.name,
        "namespace": row.namespace,
        "tenant": row.tenant,
        "time_ranges": _ranges(interval),
        "location": row.location or None,
        "description": row.description or None,
        "created_by": row.created_by or row.source or row.edited_by,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
        "matches_now": interval is not None and interval.holds(now),
    }


def _ranges(interval: Interval | None) -> list[dict[str, Any]]:
    return [_range(one) for one in interval.ranges] if interval else []


def _range(one: TimeRange) -> dict[str, Any]:
    return {part: [_span(span, part) for span in getattr(one, part)] for part in PARTS}


def _span(span: Span, part: str) -> dict[str, int]:
    start, end = ("start_minute", "end_minute") if part == "times" else ("start", "end")
    return {start: span.start, end: span.end}
