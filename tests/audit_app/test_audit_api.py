"""Reading the trail over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from acteon_site.access.keys import api_key_create
from acteon_site.models import ApiKey
from audit_app import selectors
from audit_app.models import AuditRecord, RetentionPolicy
from audit_app.services.journal import Subject
from audit_app.services.relay import relay
from tests.audit_app.conftest import SHOP, STRANGER, note

pytestmark = [pytest.mark.django_db, pytest.mark.urls("audit_app.api.urls")]
RECORD_KEYS = {
    *("id", "action_id", "chain_id", "namespace", "tenant", "provider", "action_type", "verdict"),
    *("matched_rule", "outcome", "action_payload", "payload", "verdict_details", "outcome_details"),
    *("metadata", "dispatched_at", "completed_at", "duration_ms", "expires_at", "caller_id", "auth_method"),
    *("ruleset_version", "request_id", "record_hash", "previous_hash", "sequence_number"),
}
T0 = datetime(2026, 1, 1, tzinfo=UTC)


def client(**scopes: Any) -> Client:
    _, secret = api_key_create(name=f"key {ApiKey.objects.count()}", role="viewer", **scopes)
    return Client(headers={"authorization": f"Bearer {secret}"})


def get(path: str, **scopes: Any) -> dict[str, Any]:
    answer = client(**scopes).get(path)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_a_record_has_every_key_of_the_contract() -> None:
    note(SHOP, payload={"card": "x"}, dispatched_at=T0, matched_rule="r", metadata={"k": "v"})
    relay()
    RetentionPolicy.objects.create(namespace="ecommerce", tenant="acme-store", audit_ttl_seconds=60)
    body = get("/v1/audit")
    (record,) = body.pop("records")
    assert body == {"limit": 50, "offset": 0, "total": 1}
    assert record.keys() == RECORD_KEYS
    assert record["payload"] == record["action_payload"] == {"card": "x"}
    assert record["dispatched_at"] == "2026-01-01T00:00:00.000Z"
    assert record["expires_at"] == "2026-01-01T00:01:00.000Z"
    assert record["sequence_number"] == 1


def test_pages_by_cursor_are_complete_newest_first_and_steady_under_inserts() -> None:
    for minute in range(10):
        note(Subject("n", "t", "p", "a", f"a{minute}"), dispatched_at=T0 + timedelta(minutes=minute // 3))
    caller = client()
    seen: list[str] = []
    path = "/v1/audit?limit=3"
    while True:
        body = caller.get(path).json()
        seen += [record["action_id"] for record in body["records"]]
        note(Subject("n", "t", "p", "a", "new"), dispatched_at=T0 + timedelta(days=1))
        if "next_cursor" not in body:
            break
        path = f"/v1/audit?limit=3&cursor={body['next_cursor']}"
        assert "total" not in caller.get(path).json()
    assert seen == [f"a{minute}" for minute in reversed(range(10))]


def test_offsets_page_too() -> None:
    for minute in range(5):
        note(Subject("n", "t", "p", "a", f"a{minute}"), dispatched_at=T0 + timedelta(minutes=minute))
    body = get("/v1/audit?limit=2&offset=2")
    assert [record["action_id"] for record in body["records"]] == ["a2", "a1"]
    assert (body["total"], body["limit"], body["offset"]) == (5, 2, 2)


def test_the_total_is_left_out_where_it_would_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "EXACT_TOTAL", 2)
    for _ in range(3):
        note()
    assert "total" not in get("/v1/audit")
    assert get("/v1/audit?outcome=failed")["total"] == 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("namespace=ecommerce&tenant=acme-store", 2),
        ("tenant=other-store", 1),
        ("provider=payment-gateway&action_type=place_order", 3),
        ("outcome=suppressed", 1),
        ("verdict=deny", 1),
        ("matched_rule=deny-all", 1),
        ("caller_id=key:shop", 3),
        ("chain_id=01900000-0000-7000-8000-000000000001", 1),
        ("chain_id=nonsense", 0),
        ("from=2026-01-01T00:30:00Z", 2),
        ("to=2026-01-01T01:30:00%2B01:00", 1),
        ("from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", 1),
    ],
)
def test_filters_match_exactly(query: str, expected: int) -> None:
    note(SHOP, dispatched_at=T0, chain_id="01900000-0000-7000-8000-000000000001")
    note(
        SHOP,
        dispatched_at=T0 + timedelta(hours=1),
        outcome="suppressed",
        verdict="deny",
        matched_rule="deny-all",
    )
    note(STRANGER, dispatched_at=T0 + timedelta(hours=2))
    body = get(f"/v1/audit?{query}")
    assert (len(body["records"]), body["total"]) == (expected, expected)


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=1001", "limit=x", "offset=10001", "offset=-1"),
        *("cursor=", "cursor=abc", "from=yesterday", "to=2026-01-01T00:00:00"),
    ],
)
def test_bad_queries_answer_400(query: str) -> None:
    answer = client().get(f"/v1/audit?{query}")
    assert answer.status_code == 400
    assert answer.json()["details"][0]["field"] == query.split("=")[0]


def test_a_key_reads_its_own_scope_only() -> None:
    note(SHOP)
    note(STRANGER)
    note(Subject("ecommerce", "acme-store", "warehouse", "ship", "ship-1"))
    assert get("/v1/audit", tenants=["acme-store"])["total"] == 2
    assert get("/v1/audit?tenant=other-store", tenants=["acme-store"])["total"] == 0
    assert get("/v1/audit", providers=["warehouse"])["total"] == 1
    assert get("/v1/audit", action_types=["place_order"])["total"] == 2
    assert get("/v1/audit", namespaces=["elsewhere"])["total"] == 0


def test_a_cursor_from_another_tenant_shows_nothing_of_it() -> None:
    for subject in (STRANGER, STRANGER, SHOP, STRANGER):
        note(subject)
    cursor = get("/v1/audit?limit=1")["next_cursor"]
    found = get(f"/v1/audit?cursor={cursor}", tenants=["acme-store"])["records"]
    assert {record["tenant"] for record in found} == {"acme-store"}


def test_an_action_answers_its_newest_dispatch_or_release() -> None:
    note(SHOP, outcome="pending_approval", dispatched_at=T0)
    note(SHOP, outcome="approval_approved", dispatched_at=T0 + timedelta(seconds=1))
    note(SHOP, outcome="executed", dispatched_at=T0 + timedelta(seconds=2))
    note(SHOP, outcome="chain_completed", verdict="chain", dispatched_at=T0 + timedelta(seconds=3))
    note(SHOP, outcome="state_changed", dispatched_at=T0 + timedelta(seconds=4))
    assert get("/v1/audit/order-1")["outcome"] == "executed"


def test_an_action_id_may_hold_slashes() -> None:
    note(Subject("n", "t", "p", "a", "shop/7 of 9"))
    assert get("/v1/audit/shop%2F7%20of%209")["action_id"] == "shop/7 of 9"


def test_an_action_of_another_tenant_is_not_there() -> None:
    note(STRANGER)
    answer = client(tenants=["acme-store"]).get("/v1/audit/order-9")
    assert answer.status_code == 404
    assert answer.json()["code"] == "NOT_FOUND"


def test_verify_over_http() -> None:
    for minute in range(3):
        note(SHOP, dispatched_at=T0 + timedelta(minutes=minute))
    relay()
    note(SHOP)
    body = {"namespace": "ecommerce", "tenant": "acme-store"}
    caller = client(tenants=["acme-store"])
    first, *_, last = AuditRecord.objects.exclude(number=None).order_by("sequence_number")
    assert caller.post("/v1/audit/verify", body, content_type="application/json").json() == {
        "valid": True,
        "records_checked": 3,
        "unsealed_records": 1,
        "first_record_id": str(first.pk),
        "last_record_id": str(last.pk),
    }
    AuditRecord.objects.filter(pk=last.pk).update(outcome="failed")
    spanned = {**body, "to": "2026-01-01T00:01:00Z"}
    assert caller.post("/v1/audit/verify", spanned, content_type="application/json").json()["valid"] is True
    broken = caller.post("/v1/audit/verify", body, content_type="application/json").json()
    assert (broken["valid"], broken["first_broken_at"]) == (False, str(last.pk))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"namespace": "ecommerce"}, 422),
        ({"namespace": "ecommerce", "tenant": "other-store"}, 403),
        ({"namespace": "ecommerce", "tenant": "acme-store", "from": "x"}, 422),
    ],
)
def test_verify_refuses_what_it_cannot_check(body: dict[str, str], status: int) -> None:
    caller = client(tenants=["acme-store"])
    assert caller.post("/v1/audit/verify", body, content_type="application/json").status_code == status
