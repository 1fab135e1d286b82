"""GET /v1/analytics: exact to the records that it counts, to each caller within his scope."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from acteon_site.base.clock_text import parse_time, rfc3339
from audit_app.analytics.spans import Span, pieces, whole_span
from audit_app.models import AuditRecord
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from audit_app.services.relay import relay
from audit_app.services.rollups import rollups_fold
from tests.audit_app.analytics.world import noon, some_of_everything
from tests.audit_app.conftest import SHOP, STRANGER, note
from tests.world import Shop

pytestmark = pytest.mark.django_db
LONG = {"from": rfc3339(timezone.now() - timedelta(days=90))}


@pytest.fixture
def caller() -> Shop:
    return Shop(role="viewer")


def asked(caller: Shop, metric: str, **query: Any) -> dict[str, Any]:
    answer = caller.get("/v1/analytics", metric=metric, **query)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def looked_at(answer: dict[str, Any], **filters: Any) -> Counter[str]:
    """By outcome, the records that the answer says it has counted, each looked at."""
    since, until = parse_time(answer["from"]), parse_time(answer["to"])
    rows = AuditRecord.objects.filter(dispatched_at__gte=since, dispatched_at__lt=until, **filters)
    return Counter(rows.filter(outcome__in=DISPATCH_OUTCOMES).values_list("outcome", flat=True))


@pytest.mark.parametrize("interval", ["hourly", "daily", "weekly", "monthly"])
@pytest.mark.parametrize("how", ["not numbered", "numbered", "folded"])
def test_it_counts_each_record_once_wherever_it_stands_by_now(caller: Shop, how: str, interval: str) -> None:
    some_of_everything()
    if how != "not numbered":
        relay()
    if how == "folded":
        rollups_fold()
    long = {} if interval == "hourly" else LONG
    answer = asked(caller, "outcome_breakdown", interval=interval, **long)
    counted = looked_at(answer)
    assert {entry["label"]: entry["count"] for entry in answer["top_entries"]} == counted
    assert answer["total_count"] == counted.total() == sum(one["count"] for one in answer["buckets"])
    assert counted.total() == (40 if interval == "hourly" else 60)


def test_a_span_is_counted_as_it_is_said(caller: Shop) -> None:
    some_of_everything()
    relay()
    rollups_fold()
    since = noon(40) - timedelta(minutes=15, seconds=3)
    answer = asked(
        caller, "volume", **{"from": rfc3339(since), "to": rfc3339(noon(5) - timedelta(minutes=7))}
    )
    assert (answer["from"], answer["to"]) == (
        rfc3339(noon(40) - timedelta(minutes=30)),
        rfc3339(noon(5)),
    )
    assert answer["total_count"] == looked_at(answer).total() > 0


def test_groups_and_filters_are_those_of_the_records(caller: Shop) -> None:
    some_of_everything()
    answer = asked(caller, "volume", group_by="tenant", action_type="place_order", interval="monthly", **LONG)
    groups = Counter[str]()
    for bucket in answer["buckets"]:
        groups[bucket["group"]] += bucket["count"]
    assert groups == {"acme-store": 30, "other-store": 15}
    rules = asked(caller, "volume", group_by="matched_rule", outcome="executed", tenant="acme-store", **LONG)
    assert {bucket["group"] for bucket in rules["buckets"]} == {"r1"}
    steps = asked(caller, "volume", outcome="chain_step_completed", **LONG)
    assert steps["total_count"] == 3
    types = asked(caller, "top_action_types", top_n=1, **LONG)
    assert types["top_entries"] == [{"label": "place_order", "count": 45, "percentage": 75.0}]
    errors = asked(caller, "error_rate", interval="monthly", tenant="acme-store", **LONG)
    assert {bucket["error_rate"] for bucket in errors["buckets"]} == {0.333333}


def test_latency_is_from_arrival_to_outcome_within_its_error(caller: Shop) -> None:
    for took in (10_000, 20_000, 30_000, 400_000):
        note(dispatched_at=timezone.now() - timedelta(milliseconds=took))
    note(dispatched_at=noon(3), verdict_details={"release": "a rule"})  # it waited for three days, by design
    (bucket,) = asked(caller, "latency", interval="monthly")["buckets"]
    assert bucket["count"] == 4
    assert bucket["p50_duration_ms"] == pytest.approx(20_000, rel=0.1)  # what the test itself takes included
    assert bucket["p99_duration_ms"] == pytest.approx(400_000, rel=0.03)


def test_a_key_sees_its_own_scope_alone() -> None:
    note(SHOP)
    note(STRANGER)
    relay()
    own = Shop(role="viewer", tenants=["other-store"])
    assert asked(own, "volume")["total_count"] == 1
    (bucket,) = asked(own, "volume", group_by="tenant")["buckets"]
    assert bucket["group"] == "other-store"
    foreign = own.get("/v1/analytics", metric="volume", namespace="ecommerce", tenant="acme-store")
    assert foreign.status_code == 403
    assert asked(own, "volume", tenant="acme-store")["total_count"] == 0
    narrow = Shop(role="viewer", providers=["warehouse"])
    assert asked(narrow, "volume")["total_count"] == 0


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("metric", {}),
        ("metric", {"metric": "revenue"}),
        ("interval", {"metric": "volume", "interval": "minutely"}),
        ("interval", {"metric": "volume", "from": "1970-01-01T00:00:00Z"}),
        ("group_by", {"metric": "volume", "group_by": "id"}),
        ("outcome", {"metric": "volume", "outcome": "exploded"}),
        ("provider", {"metric": "volume", "provider": "a:b"}),
        ("namespace", {"metric": "volume", "namespace": ""}),
        ("top_n", {"metric": "volume", "top_n": "0"}),
        ("from", {"metric": "volume", "from": "yesterday"}),
        ("from", {"metric": "volume", "from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(
    caller: Shop, field: str, query: dict[str, str]
) -> None:
    answer = caller.get("/v1/analytics", **query)
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["details"]] == [field]


def test_pieces_cover_a_span_once() -> None:
    for since in (0, 60, 900, 86_340, 100_020):
        for length in (60, 840, 3600, 90_000, 86_400 * 9 + 120):
            covered = [
                minute
                for grain, span in pieces(Span(since, since + length))
                for minute in range(span.since, span.until, 60)
                if span.since % grain == span.until % grain == 0
            ]
            assert sorted(covered) == list(range(since, since + length, 60))


def test_a_span_that_holds_both_moments_is_of_minutes_while_there_are_any() -> None:
    assert whole_span(1000.5, 2000.2, minutes_from=0) == Span(960, 2040)
    assert whole_span(1000.5, 2000.2, minutes_from=3000) == Span(900, 2700)
