"""The header X-Demo-Now: what this request's rules take for now, in the embedded mode only."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from rest_framework.request import Request

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import FieldProblem, bad_query

DEMO_CLOCK = "X-Demo-Now"


def demo_now_of(request: Request) -> datetime | None:
    """The instant that this request's rules take for now: embedded mode only."""
    text = request.headers.get(DEMO_CLOCK)
    if text is None:
        return None
    if not settings.DEMO_CLOCK:
        raise bad_query(
            f"{DEMO_CLOCK} is not accepted here", [FieldProblem(DEMO_CLOCK, "is for the demo only")]
        )
    moment = parse_time(text)
    # A year at either end of the calendar has no local time in every zone.
    if moment is None or not 1 < moment.year < 9999:
        message = "must be an RFC 3339 time with offset, like 2026-01-31T12:00:00Z"
        raise bad_query(f"{DEMO_CLOCK} {message}", [FieldProblem(DEMO_CLOCK, message)])
    return moment
