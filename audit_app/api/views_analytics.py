"""GET /v1/analytics: the trail added up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.clock_text import rfc3339
from acteon_site.base.errors import FieldProblem, bad_query, problems_in_words
from acteon_site.base.names import name_problem
from acteon_site.http.endpoint import Endpoint, asked_scope, caller_of, integer_of, query_time
from audit_app.analytics.asking import sums_now
from audit_app.analytics.metrics import GROUPS, INTERVALS, METRICS, Asked, Found, answer
from audit_app.analytics.spans import Span, whole_span
from audit_app.records.rollups import DAY, HOUR
from audit_app.records.vocabulary import OUTCOMES
from audit_app.services.rollups import MINUTES_KEPT

USUAL = timedelta(days=7)
MOST_BUCKETS = 2000
MOST_TOP = 100
_FILTERS = ("provider", "action_type", "outcome")
_LONGEST = {"hourly": HOUR, "daily": DAY, "weekly": 7 * DAY, "monthly": 28 * DAY}


class Analytics(Endpoint):
    def get(self, request: Request) -> Response:
        asked = _asked(request)
        with sums_now() as sums:
            found = answer(asked, sums)
        return Response(_shape(asked, found))


def _asked(request: Request) -> Asked:
    metric = _word(request, "metric", tuple(METRICS))
    interval = _word(request, "interval", INTERVALS, "daily")
    group_by = _word(request, "group_by", tuple(GROUPS), "") or None
    top_n = integer_of(request, "top_n", 10, lowest=1, highest=MOST_TOP)
    return Asked(metric, interval, _span(request, interval), _filters(request), group_by, top_n)


def _word(request: Request, name: str, known: Collection[str], otherwise: str | None = None) -> str:
    given = request.query_params.get(name, otherwise)
    if given is None or (given not in known and given != otherwise):
        problem = "is required" if given is None else "is unknown"
        raise _refused(name, f"{problem}: one of {', '.join(known)}")
    return given


def _refused(name: str, problem: str) -> Exception:
    return bad_query(f"{name} {problem}", [FieldProblem(name, problem)])


def _span(request: Request, interval: str) -> Span:
    now = timezone.now()
    until = query_time(request, "to") or now
    since = query_time(request, "from") or until - USUAL
    if since >= until:
        raise _refused("from", "must be before to")
    if (until - since).total_seconds() / _LONGEST[interval] > MOST_BUCKETS:
        raise _refused(
            "interval", f"makes more than {MOST_BUCKETS} buckets: take a longer one, or a shorter span"
        )
    return whole_span(since.timestamp(), until.timestamp(), int((now - MINUTES_KEPT).timestamp()))


def _filters(request: Request) -> Mapping[str, Collection[str]]:
    """What the query names, within what the caller may see."""
    named = asked_scope(request)
    problems = []
    for name in _FILTERS:
        value = request.query_params.get(name)
        if value is None:
            continue
        if name == "outcome" and value not in OUTCOMES:
            problems.append(FieldProblem(name, f"must be one of {', '.join(sorted(OUTCOMES))}"))
        elif problem := name_problem(value, colon_allowed=name != "provider"):
            problems.append(FieldProblem(name, problem))
        named[name] = value
    if problems:
        raise bad_query(problems_in_words(problems), problems)
    seen = {
        lookup.removesuffix("__in"): set(names)
        for lookup, names in caller_of(request).action_lookups().items()
    }
    asked = {name: {value} for name, value in named.items()}
    return seen | {name: names & seen.get(name, names) for name, names in asked.items()}


def _shape(asked: Asked, found: Found) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "metric": asked.metric,
        "interval": asked.interval,
        "from": _time(asked.span.since),
        "to": _time(asked.span.until),
        "buckets": [
            {**bucket, "timestamp": _time(bucket["timestamp"])} for bucket in map(_known, found.buckets)
        ],
        "total_count": found.total,
    }
    if found.top is not None:
        shown["top_entries"] = [
            {"label": label, "count": count, "percentage": round(100 * count / found.total, 2)}
            for label, count in found.top
        ]
    return shown


def _known(bucket: Mapping[str, Any]) -> dict[str, Any]:
    """Without what nobody measured: clients read numbers there."""
    return {name: value for name, value in bucket.items() if value is not None}


def _time(at: int) -> str:
    return rfc3339(datetime.fromtimestamp(at, UTC))
