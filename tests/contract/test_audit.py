"""/v1/audit: filters, pages, one record, replay, verify; and what /v1/compliance/status says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from acteon_site.base.clock_text import rfc3339
from acteon_site.base.ids import new_id
from audit_app.models import AuditRecord
from audit_app.services.relay import relay
from chains_app.services.advance import runs_sweep
from orders_app.models import Action
from tests.contract import shapes
from tests.contract.client import Strict, part
from tests.contract.conftest import AddRule
from tests.world import NAMESPACE, SCOPE, TENANT, Shop, order

PING = {**SCOPE, "provider": "nobody", "action_type": "ping", "payload": {"n": 1}}


@pytest.fixture
def trail(client: Strict) -> Strict:
    """Two orders with their chains, one refused, all sealed."""
    client.post("/v1/dispatch", shapes.outcome, order(id="one", metadata={"source": "web"}))
    client.post("/v1/dispatch", shapes.outcome, order(id="two"))
    client.post("/v1/dispatch", shapes.outcome, order(id="three", payload={"shipping_country": "SY"}))
    runs_sweep()
    relay()
    return client


def test_records_have_exactly_the_contracts_keys(trail: Strict) -> None:
    page = trail.get("/v1/audit", shapes.RECORDS, **SCOPE)
    assert page["total"] == len(page["records"]) > 3
    assert (page["limit"], page["offset"]) == (50, 0)
    assert "next_cursor" not in page
    moments = [record["dispatched_at"] for record in page["records"]]
    assert moments == sorted(moments, reverse=True)
    for record in page["records"]:
        assert record["payload"] == record["action_payload"]
        assert record["sequence_number"] >= 1
        assert len(record["record_hash"]) == 64


def test_chain_rows_carry_the_verdict_chain(trail: Strict) -> None:
    rows = trail.get("/v1/audit", shapes.RECORDS, verdict="chain")["records"]
    assert {row["outcome"] for row in rows} == {"chain_step_completed", "chain_completed"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("namespace", "ecommerce"),
        ("tenant", "acme-store"),
        ("provider", "payment-gateway"),
        ("action_type", "place_order"),
        ("outcome", "suppressed"),
        ("verdict", "deny"),
        ("matched_rule", "deny-sanctioned-regions"),
        ("caller_id", None),
        ("chain_id", None),
    ],
)
def test_every_filter_matches_exactly(trail: Strict, name: str, value: str | None) -> None:
    if value is None:
        row = next(row for row in trail.get("/v1/audit", shapes.RECORDS)["records"] if row["chain_id"])
        value = row[name]
    found = trail.get("/v1/audit", shapes.RECORDS, **{name: value})
    assert found["records"]
    assert {record[name] for record in found["records"]} == {value}
    if name not in ("outcome", "verdict"):
        assert trail.get("/v1/audit", shapes.RECORDS, **{name: f"{value}x"})["records"] == []


@pytest.mark.parametrize("word", ["nope", "", "Executed", "Deny", "executed ", "deny "])
@pytest.mark.parametrize(("name", "known"), [("outcome", "executed"), ("verdict", "deny")])
def test_an_outcome_or_verdict_that_is_none_is_refused_with_the_known_ones(
    trail: Strict, name: str, known: str, word: str
) -> None:
    for method, path in (("GET", "/v1/audit"), ("POST", "/v1/audit/replay")):
        error = trail.refused(method, path, 400, "BAD_QUERY", query={**SCOPE, name: word})
        assert [problem["field"] for problem in error["details"]] == [name]
        assert known in error["error"]


def test_times_bound_the_dispatch(trail: Strict) -> None:
    AuditRecord.objects.filter(action_id="three").update(dispatched_at=timezone.now() - timedelta(days=2))
    yesterday = rfc3339(timezone.now() - timedelta(days=1))
    before = trail.get("/v1/audit", shapes.RECORDS, to=yesterday)["records"]
    assert {record["action_id"] for record in before} == {"three"}
    after = trail.get("/v1/audit", shapes.RECORDS, from_=yesterday.replace("Z", "+00:00"))["records"]
    assert {record["action_id"] for record in after} == {"one", "two"}


def test_pages_by_cursor_neither_repeat_nor_lose_while_rows_come_in(trail: Strict) -> None:
    wanted = [record["id"] for record in trail.get("/v1/audit", shapes.RECORDS)["records"]]
    seen, query = [], {"limit": 3}
    while True:
        page = trail.get("/v1/audit", shapes.RECORDS, **query)
        seen += [record["id"] for record in page["records"]]
        assert ("total" in page) is ("cursor" not in query)
        trail.post("/v1/dispatch", shapes.outcome, order(payload={"shipping_country": "SY"}))
        if "next_cursor" not in page:
            break
        query = {"limit": 3, "cursor": page["next_cursor"]}
    assert seen == wanted


def test_offsets_page_too(trail: Strict) -> None:
    everything = trail.get("/v1/audit", shapes.RECORDS)["records"]
    page = trail.get("/v1/audit", shapes.RECORDS, limit=2, offset=1)
    assert page["records"] == everything[1:3]
    assert (page["limit"], page["offset"]) == (2, 1)


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"cursor": ""},
        {"limit": 1001},
        {"limit": 0},
        {"offset": 10_001},
        {"from": "x"},
        {"to": "2026-01-01"},
    ],
)
def test_bad_queries(trail: Strict, query: dict[str, Any]) -> None:
    error = trail.refused("GET", "/v1/audit", 400, "BAD_QUERY", query=query)
    assert error["details"][0]["field"] in query


def test_an_expiry_is_shown_where_a_policy_sets_one(trail: Strict) -> None:
    trail.post("/v1/retention", shapes.POLICY, {**SCOPE, "audit_ttl_seconds": 60}, status=201)
    assert all(record["expires_at"] for record in trail.get("/v1/audit", shapes.RECORDS)["records"])


def test_one_action_is_its_newest_outcome(trail: Strict) -> None:
    record = trail.get("/v1/audit/one", shapes.RECORD)
    assert (record["outcome"], record["verdict"]) == ("executed", "allow")
    assert record["metadata"] == {"source": "web"}
    trail.refused("GET", "/v1/audit/nobody", 404, "NOT_FOUND")


def test_ids_with_slashes_and_colons_are_found(client: Strict) -> None:
    name = "shop:7/äö?&#%"
    client.post("/v1/dispatch", shapes.outcome, order(id=name))
    assert client.get(f"/v1/audit/{part(name)}", shapes.RECORD)["action_id"] == name


# Replay --------------------------------------------------------------------------------------------------------


def failing(client: Strict, rule: AddRule, action_id: str) -> None:
    if not AuditRecord.objects.filter(action_type="ping").exists():
        rule("allow")
    assert "Failed" in client.post("/v1/dispatch", shapes.outcome, {**PING, "id": action_id})


def test_a_failed_action_is_replayed_from_its_original(client: Strict, rule: AddRule) -> None:
    failing(client, rule, "f-1")
    told = client.post("/v1/audit/f-1/replay", shapes.REPLAYED)
    assert told["original_action_id"] == "f-1"
    assert told["success"] is False
    assert told["outcome"]["Failed"]["code"] == "PROVIDER_NOT_FOUND"
    assert Action.objects.get(action_id=told["new_action_id"]).body["payload"] == {"n": 1}


def test_what_took_effect_is_never_run_again(trail: Strict) -> None:
    told = trail.post("/v1/audit/one/replay", shapes.REPLAYED)
    assert told["success"] is False
    assert told["new_action_id"] == ""
    assert "took effect" in told["error"]


def test_replays_of_nothing(trail: Strict) -> None:
    trail.refused("POST", "/v1/audit/nobody/replay", 404, "NOT_FOUND")
    Action.objects.filter(action_id="three").delete()
    trail.refused("POST", "/v1/audit/three/replay", 422, "VALIDATION", query=SCOPE)
    trail.refused("POST", "/v1/audit/three/replay", 422, "VALIDATION")


def test_the_filtered_form_takes_what_failed_only(client: Strict, rule: AddRule) -> None:
    failing(client, rule, "f-1")
    failing(client, rule, "f-2")
    client.post("/v1/dispatch", shapes.outcome, order(id="fine"))
    told = client.call("POST", "/v1/audit/replay", shapes.REPLAYS, query=SCOPE)
    assert {result["original_action_id"] for result in told["results"]} == {"f-1", "f-2"}
    assert told["replayed"] + told["failed"] + told["skipped"] == 2
    told = client.call("POST", "/v1/audit/replay", shapes.REPLAYS, query={**SCOPE, "outcome": "executed"})
    assert (told["replayed"], told["skipped"]) == (0, 1)


def test_a_filtered_replay_reads_its_query_strictly(client: Strict) -> None:
    client.refused("POST", "/v1/audit/replay", 400, "BAD_QUERY", query={**SCOPE, "limit": 0})
    client.refused("POST", "/v1/audit/replay", 400, "BAD_QUERY", query={**SCOPE, "from": "x"})
    client.refused("POST", "/v1/audit/replay", 400, "BAD_QUERY", query={**SCOPE, "chain_id": "\x00"})


def test_a_filtered_replay_keeps_to_its_time(client: Strict, rule: AddRule) -> None:
    failing(client, rule, "old")
    AuditRecord.objects.update(dispatched_at=timezone.now() - timedelta(days=2))
    failing(client, rule, "new")
    since = rfc3339(timezone.now() - timedelta(days=1))
    told = client.call("POST", "/v1/audit/replay", shapes.REPLAYS, query={**SCOPE, "from_": since})
    assert [result["original_action_id"] for result in told["results"]] == ["new"]


# Verify --------------------------------------------------------------------------------------------------------


def test_a_good_trail_is_valid(trail: Strict) -> None:
    told = trail.post("/v1/audit/verify", shapes.VERIFICATION, SCOPE)
    assert told["valid"] is True
    assert told["records_checked"] == AuditRecord.objects.count()
    assert "first_broken_at" not in told
    assert told["unsealed_records"] == 0


def test_a_changed_row_is_found(trail: Strict) -> None:
    AuditRecord.objects.filter(action_id="two").update(caller_id="nobody")
    told = trail.post("/v1/audit/verify", shapes.VERIFICATION, SCOPE)
    assert told["valid"] is False
    assert told["first_broken_at"]


def test_an_empty_trail_is_valid(client: Strict) -> None:
    body = {
        "namespace": "no",
        "tenant": "one",
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-01-02T00:00:00+01:00",
    }
    told = client.post("/v1/audit/verify", shapes.VERIFICATION, body)
    assert told == {"valid": True, "records_checked": 0, "unsealed_records": 0}


def test_the_trail_of_what_belongs_to_no_tenant_is_for_keys_of_everything(client: Strict) -> None:
    client.post("/v1/circuit-breakers/warehouse/trip", shapes.BREAKER_TOLD, {})
    relay()
    (row,) = client.get("/v1/audit", shapes.RECORDS, provider="warehouse", outcome="state_changed")["records"]
    assert (row["namespace"], row["tenant"], row["action_type"]) == ("", "", "circuit_breaker")
    assert row["outcome_details"] == {
        "circuit_breaker": "warehouse",
        "from": "closed",
        "to": "open",
        "reason": f"by hand: {row['caller_id']}",
    }
    no_tenant = {"namespace": "", "tenant": ""}
    told = client.post("/v1/audit/verify", shapes.VERIFICATION, no_tenant)
    assert (told["valid"], told["records_checked"]) == (True, 1)
    scoped = Strict(Shop(namespaces=[NAMESPACE], tenants=[TENANT], role="operator").secret)
    assert scoped.get("/v1/audit", shapes.RECORDS)["records"] == []
    scoped.refused("POST", "/v1/audit/verify", 403, "FORBIDDEN", body=no_tenant)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"namespace": None}, "namespace"),
        ({"tenant": 7}, "tenant"),
        ({"from": "x"}, "from"),
        ({"to": 1}, "to"),
    ],
)
def test_verify_names_its_bad_fields(client: Strict, change: dict[str, Any], field: str) -> None:
    error = client.refused("POST", "/v1/audit/verify", 422, "VALIDATION", body={**SCOPE, **change})
    assert [problem["field"] for problem in error["details"]] == [field]


def test_a_viewer_verifies(shop: Shop) -> None:
    Strict(Shop(role="viewer").secret).post("/v1/audit/verify", shapes.VERIFICATION, SCOPE)


def test_the_status_of_compliance_claims_what_is_true_and_no_more(shop: Shop, client: Strict) -> None:
    status = Strict(Shop(role="viewer").secret).get("/v1/compliance/status", shapes.COMPLIANCE)
    assert status == {
        "mode": "none",
        "sync_audit_writes": True,
        "immutable_audit": False,
        "hash_chain": True,
    }
    client.post("/v1/dispatch", shapes.outcome, order(id="one"))
    record = AuditRecord.objects.get(action_id="one", outcome="executed")  # written by the time of the answer
    relay()
    AuditRecord.objects.filter(pk=record.pk).update(caller_id="key:forged")  # the database refuses no change
    assert not client.post("/v1/audit/verify", shapes.VERIFICATION, SCOPE)["valid"]  # and the chain shows it


@pytest.mark.parametrize(
    "metric", ["volume", "outcome_breakdown", "top_action_types", "latency", "error_rate"]
)
def test_analytics_have_the_contracts_shape(shop: Shop, client: Strict, metric: str) -> None:
    client.post("/v1/dispatch", shapes.outcome, order(id="one"))
    client.post("/v1/dispatch", shapes.outcome, order(id="two", payload={"shipping_country": "NK"}))
    for query in ("", "&group_by=provider&interval=hourly"):
        answer = client.get(f"/v1/analytics?metric={metric}{query}", shapes.ANALYTICS)
        assert answer["total_count"] == 2  # before any relay has been at work
    has_top = metric in ("outcome_breakdown", "top_action_types")
    assert ("top_entries" in client.get(f"/v1/analytics?metric={metric}", shapes.ANALYTICS)) == has_top


def test_totals_above_ten_thousand_are_left_out(client: Strict) -> None:
    row = {
        "action_id": "x",
        **SCOPE,
        "provider": "p",
        "action_type": "t",
        "verdict": "allow",
        "outcome": "executed",
    }
    AuditRecord.objects.bulk_create([AuditRecord(id=new_id(), **row) for _ in range(10_001)], batch_size=2000)
    page = client.get("/v1/audit", shapes.RECORDS, **SCOPE, limit=1)
    assert "total" not in page
    assert client.get("/v1/audit", shapes.RECORDS, **SCOPE, limit=1, outcome="failed")["total"] == 0
