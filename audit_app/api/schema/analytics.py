"""The description of analytics."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    INTEGER,
    NAME,
    OPTIONAL_SCOPE,
    TEXT,
    TIME,
    Schema,
    answer,
    array,
    component,
    enum,
    operation,
    query,
)
from audit_app.analytics.metrics import GROUPS, INTERVALS, METRICS
from audit_app.api import views_analytics
from audit_app.records.vocabulary import OUTCOMES

NUMBER: Schema = {"type": "number"}
BUCKET = component(
    "AnalyticsBucket",
    answer(
        {"timestamp": TIME, "count": INTEGER},
        {
            "group": TEXT,
            "avg_duration_ms": NUMBER,
            "p50_duration_ms": NUMBER,
            "p95_duration_ms": NUMBER,
            "p99_duration_ms": NUMBER,
            "error_rate": NUMBER,
        },
    ),
)
ENTRY = component("AnalyticsEntry", answer({"label": TEXT, "count": INTEGER, "percentage": NUMBER}))
MEANING = """Counts what dispatches and releases came to, as GET /v1/audit lists it: the records of these outcomes with
`dispatched_at` in the span; with `outcome`, the records of that one. What was committed before the request is in the
answer. Intervals begin in UTC, weeks on Monday; those in which nothing happened are left out. `from` and `to` say
what was counted: whole minutes of the last day, and whole quarters of an hour before. `latency` is from a dispatch's
arrival to its outcome, and its percentiles are within 2.5 %; `error_rate` is the share, from 0 to 1, of `failed` and
`circuit_open`; `percentage` is of `total_count`."""
extend_schema_view(
    get=operation(
        "Numbers of the trail by time",
        component(
            "Analytics",
            answer(
                {
                    "metric": enum(*METRICS),
                    "interval": enum(*INTERVALS),
                    "from": TIME,
                    "to": TIME,
                    "buckets": array(BUCKET),
                    "total_count": INTEGER,
                },
                {"top_entries": array(ENTRY)},
            ),
        ),
        text=MEANING,
        parameters=(
            query("metric", enum(*METRICS), required=True),
            *OPTIONAL_SCOPE,
            query("provider", NAME),
            query("action_type", NAME),
            query("outcome", enum(*sorted(OUTCOMES))),
            query("interval", enum(*INTERVALS), "daily where it is left out"),
            query("from", TIME, "Seven days before `to` where it is left out"),
            query("to", TIME, "Now where it is left out"),
            query("group_by", enum(*GROUPS), "Of volume, latency and error_rate: a bucket for each"),
            query("top_n", INTEGER, "How many top_entries, 10 where it is left out"),
        ),
        examples={
            "a day by outcome": {
                "metric": "outcome_breakdown",
                "interval": "daily",
                "from": "2026-03-10T00:00:00.000Z",
                "to": "2026-03-11T00:00:00.000Z",
                "buckets": [
                    {"timestamp": "2026-03-10T00:00:00.000Z", "count": 90, "group": "executed"},
                    {"timestamp": "2026-03-10T00:00:00.000Z", "count": 10, "group": "suppressed"},
                ],
                "total_count": 100,
                "top_entries": [
                    {"label": "executed", "count": 90, "percentage": 90.0},
                    {"label": "suppressed", "count": 10, "percentage": 10.0},
                ],
            }
        },
    )
)(views_analytics.Analytics)
