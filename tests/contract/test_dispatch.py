"""POST /v1/dispatch and /v1/dispatch/batch: every outcome in its shape."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from acteon_site.base import config_versions
from audit_app.models import AuditRecord
from chains_app.models import CircuitBreaker
from chains_app.services.breakers import breaker_trip
from chains_app.services.providers import provider_save
from orders_app.models import Action, Order, RememberedAnswer
from rules_app.models import GateRow, Rule
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.conftest import AddRule
from tests.contract.strict import listed
from tests.world import CLOSED_HOURS, SCOPE, Shop, order, publish_rules, tag

PING = {**SCOPE, "provider": "sms-service", "action_type": "ping", "payload": {"n": 1}}


def dispatched(client: Strict, body: Any, **headers: str) -> Any:
    return client.post("/v1/dispatch", shapes.outcome, body, headers=headers)


def test_an_order_with_a_chain_answers_executed_with_its_chain(client: Strict) -> None:
    answer = dispatched(client, order(payload={"order_id": "o-1"}))
    assert list(answer) == ["Executed"]
    shapes.CHAIN_BODY(answer["Executed"]["body"], "body")
    body = answer["Executed"]["body"]
    assert (body["order_id"], body["state"], body["chain_name"]) == ("o-1", "placed", "order-processing")
    assert answer["Executed"] == {"status": "success", "body": body, "headers": {}}
    assert body["chain_url"] == f"{settings.PUBLIC_URL}/v1/chains/{body['chain_id']}"


def test_a_bare_action_answers_its_providers_body(client: Strict, rule: AddRule) -> None:
    rule("allow")
    assert dispatched(client, PING) == {
        "Executed": {"status": "success", "body": {"provider": "sms-service", "logged": True}, "headers": {}}
    }


def test_the_least_action_is_enough_and_the_most_is_accepted(client: Strict, rule: AddRule) -> None:
    rule("allow")
    assert tag(dispatched(client, PING)) == "Executed"
    most = {
        **PING,
        "id": "all-1",
        "created_at": "2026-01-01T10:00:00+02:00",
        "dedup_key": "d",
        "fingerprint": "f",
        "status": "new",
        "metadata": {"labels": {"k": "v"}},
        "starts_at": "2026-01-01T10:00:00Z",
        "ends_at": "2026-01-02T10:00:00.5Z",
        "trace_context": {"traceparent": "00-1"},
        "attachments": [{"name": "a"}],
        "signature": "s",
        "signer_id": "me",
        "kid": "k1",
    }
    assert tag(dispatched(client, most)) == "Executed"
    stored = Action.objects.get(action_id="all-1").body
    assert stored["metadata"] == {"k": "v"}
    assert stored["extras"]["signature"] == "s"


def test_an_id_that_is_left_out_is_made(client: Strict, rule: AddRule) -> None:
    rule("allow")
    dispatched(client, PING)
    assert len(Action.objects.get().action_id) == 36


@pytest.mark.parametrize(
    "metadata",
    [
        {"tier": "gold"},
        {"labels": {"tier": "gold"}},
        {"labels": {"tier": "gold"}, "source": "web", "n": 1},
        {"labels": {"a": "b"}, "tier": "gold"},
        {"labels": {"tier": "gold"}, "tier": "iron"},
    ],
)
def test_rules_see_both_forms_of_metadata(client: Strict, shop: Shop, metadata: dict[str, Any]) -> None:
    from rules_app.models import Rule

    Rule.objects.create(
        name="gold",
        priority=0,
        condition={"field": "action.metadata.tier", "eq": "gold"},
        action={"type": "deny"},
    )
    publish_rules()
    assert dispatched(client, {**PING, "metadata": metadata}) == {"Suppressed": {"rule": "gold"}}


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"labels": {"x": 1}}, "metadata.labels.x"),
        ({"a": "b", "labels": {"x": 1}}, "metadata.labels.x"),
        ({"labels": 1}, "metadata.labels"),
        ({"x": 1}, "metadata.x"),
        ([], "metadata"),
    ],
)
def test_metadata_that_is_neither_form_is_refused_at_its_field(
    client: Strict, metadata: Any, field: str
) -> None:
    error = client.refused("POST", "/v1/dispatch", 422, "VALIDATION", body=order(metadata=metadata))
    assert [problem["field"] for problem in error["details"]] == [field]


def test_a_text_named_labels_is_one_among_others(client: Strict) -> None:
    dispatched(client, order(id="flat", metadata={"a": "b", "labels": "c"}))
    assert Action.objects.get(action_id="flat").body["metadata"] == {"a": "b", "labels": "c"}


def test_a_second_of_the_same_key_is_the_bare_text(client: Strict) -> None:
    dispatched(client, order(dedup_key="same", payload={"order_id": "a"}))
    assert dispatched(client, order(dedup_key="same", payload={"order_id": "b"})) == "Deduplicated"
    assert client.last.content == b'"Deduplicated"'
    assert client.last.headers["X-Dedup-Reason"] == "dedup_key"


def test_a_living_order_is_not_placed_twice(client: Strict) -> None:
    dispatched(client, order(payload={"order_id": "a"}))
    assert dispatched(client, order(payload={"order_id": "a"})) == "Deduplicated"
    assert client.last.headers["X-Dedup-Reason"] == "living_order"


@pytest.mark.parametrize("type_", ["deny", "suppress"])
def test_deny_and_suppress_are_suppressed(client: Strict, rule: AddRule, type_: str) -> None:
    rule(type_)
    action = {**PING, "id": "s-1"}
    assert dispatched(client, action) == {"Suppressed": {"rule": "test-rule"}}
    assert AuditRecord.objects.get(action_id="s-1").verdict == type_


def test_a_reroute_names_both_providers(client: Strict, rule: AddRule) -> None:
    rule("reroute", target_provider="compliance-queue")
    answer = dispatched(client, PING)["Rerouted"]
    assert (answer["original_provider"], answer["new_provider"]) == ("sms-service", "compliance-queue")
    assert answer["response"]["body"] == {"provider": "compliance-queue", "logged": True}


def test_the_eleventh_in_a_minute_is_throttled_with_an_object(client: Strict) -> None:
    for _ in range(10):
        assert tag(dispatched(client, order())) == "Executed"
    wait = dispatched(client, order())["Throttled"]["retry_after"]
    assert 0 <= wait["secs"] <= 60
    assert 0 <= wait["nanos"] < 10**9
    assert client.last.status_code == 200


def test_an_unknown_provider_fails(client: Strict, rule: AddRule) -> None:
    rule("allow")
    failed = dispatched(client, {**PING, "provider": "nobody"})["Failed"]
    assert failed["code"] == "PROVIDER_NOT_FOUND"
    assert failed["retryable"] is False


def test_an_expensive_order_waits_for_approval_with_links(client: Strict) -> None:
    answer = dispatched(client, order(payload={"total_cents": 60_000}))["PendingApproval"]
    for decision in ("approve", "reject"):
        url = answer[f"{decision}_url"]
        assert f"/v1/approvals/ecommerce/acme-store/{answer['approval_id']}/{decision}?" in url
        assert "sig=" in url
        assert "expires_at=" in url
    assert answer["notification_sent"] is True


def test_links_of_production_lead_to_the_sign_in_page(client: Strict, settings: Any) -> None:
    settings.EMBEDDED = False
    answer = dispatched(client, order(payload={"total_cents": 60_000}))["PendingApproval"]
    for decision in ("approve", "reject"):
        assert "sig=" not in answer[f"{decision}_url"]
        assert "/admin/" in answer[f"{decision}_url"]


def test_an_order_at_night_is_scheduled(client: Strict) -> None:
    action = order()
    answer = dispatched(client, action, **{"X-Demo-Now": CLOSED_HOURS})["Scheduled"]
    assert answer["action_id"] == action["id"]


@pytest.mark.parametrize("now", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "soon"])
def test_a_demo_clock_that_some_zone_cannot_show_is_refused(client: Strict, now: str) -> None:
    client.refused("POST", "/v1/dispatch", 400, body=order(), headers={"X-Demo-Now": now})


def test_a_chain_rule_answers_chain_started(client: Strict, rule: AddRule) -> None:
    rule("chain", chain="fraud-review")
    answer = dispatched(client, PING)["ChainStarted"]
    assert answer["chain_name"] == "fraud-review"
    assert (answer["total_steps"], answer["first_step"]) == (3, "analyze")


def test_an_action_that_a_chain_rule_took_has_its_record(client: Strict, rule: AddRule) -> None:
    rule("chain", chain="fraud-review")
    dispatched(client, {**PING, "id": "taken"})
    record = client.get("/v1/audit/taken", shapes.RECORD)
    assert (record["outcome"], record["verdict"]) == ("chain_started", "chain")


def test_an_open_breaker_without_fallback_answers_circuit_open(client: Strict, rule: AddRule) -> None:
    rule("allow")
    breaker_trip(provider="sms-service", actor="test")
    assert dispatched(client, PING) == {"CircuitOpen": {"provider": "sms-service", "fallback_chain": []}}


def test_an_open_breaker_with_fallback_reroutes(client: Strict, rule: AddRule) -> None:
    rule("allow")
    CircuitBreaker.objects.filter(provider="sms-service").update(fallback_provider="email-service")
    breaker_trip(provider="sms-service", actor="test")
    config_versions.reset()
    answer = dispatched(client, PING)["Rerouted"]
    assert (answer["original_provider"], answer["new_provider"]) == ("sms-service", "email-service")


def test_a_full_quota_answers_with_its_terms(client: Strict, rule: AddRule) -> None:
    rule("allow")
    spec = {**SCOPE, "max_actions": 1, "window": "daily", "overage_behavior": "block"}
    client.post("/v1/quotas", shapes.QUOTA, spec, status=201)
    config_versions.reset()
    dispatched(client, PING)
    assert dispatched(client, PING) == {
        "QuotaExceeded": {"tenant": "acme-store", "limit": 1, "used": 1, "overage_behavior": "block"}
    }


@pytest.mark.django_db(transaction=True)
def test_an_unreachable_provider_fails_retryably(client: Strict, rule: AddRule, settings: Any) -> None:
    rule("allow")
    settings.OUTBOUND_ALLOW = ["127.0.0.1/32", "127.0.0.1"]
    provider_save(
        spec={"name": "shop-hook", "type": "webhook", "url": "http://127.0.0.1:9/", "timeout_seconds": 1},
        actor="test",
    )
    config_versions.reset()
    failed = dispatched(client, {**PING, "provider": "shop-hook"})
    assert failed["Failed"]["code"] == "CONNECTION"
    assert failed["Failed"]["retryable"] is True
    assert failed["Failed"]["attempts"] == 3


# Dry run -------------------------------------------------------------------------------------------------------


def everything() -> list[int]:
    return [model.objects.count() for model in (Action, Order, AuditRecord, GateRow, RememberedAnswer)]


@pytest.mark.parametrize(
    ("changes", "now", "verdict", "matched"),
    [
        ({}, "2026-03-04T16:00:00Z", "allow", None),
        ({"total_cents": 60_000}, "2026-03-04T16:00:00Z", "request_approval", "approve-high-value"),
        ({"shipping_country": "SY"}, "2026-03-04T16:00:00Z", "deny", "deny-sanctioned-regions"),
        ({}, CLOSED_HOURS, "schedule", "schedule-after-hours"),
    ],
)
def test_a_dry_run_says_what_would_be_and_leaves_nothing(
    client: Strict, changes: dict[str, Any], now: str, verdict: str, matched: str | None
) -> None:
    before = everything()
    headers = {"X-Demo-Now": now, "Idempotency-Key": "dry"}
    for _ in range(2):
        answer = client.post(
            "/v1/dispatch?dry_run=true", shapes.outcome, order(payload=changes), headers=headers
        )
        assert answer == {
            "DryRun": {"verdict": verdict, "matched_rule": matched, "would_be_provider": "payment-gateway"}
        }
    assert everything() == before


def test_a_dry_run_of_what_no_rule_knows_has_a_null_rule(client: Strict) -> None:
    other = {**PING, "namespace": "elsewhere"}
    answer = client.post("/v1/dispatch?dry_run=true", shapes.outcome, other)
    assert answer == {
        "DryRun": {"verdict": "allow", "matched_rule": None, "would_be_provider": "sms-service"}
    }


def dry(client: Strict, action: dict[str, Any]) -> tuple[str, str | None]:
    told = client.post("/v1/dispatch?dry_run=true", shapes.outcome, action)["DryRun"]
    return told["verdict"], told["matched_rule"]


def test_a_dry_run_names_the_gate_that_would_trip_now(client: Strict) -> None:
    first = order(dedup_key="same", payload={"order_id": "dry-1"})
    assert dry(client, first) == ("allow", None)
    dispatched(client, first)
    assert dry(client, order(dedup_key="same")) == ("deduplicate", "dedup-double-submit")
    assert dry(client, order(payload={"order_id": "dry-1"})) == ("deduplicate", None)
    for _ in range(9):
        assert "Executed" in dispatched(client, order())
    before = everything()
    assert dry(client, order()) == ("throttle", "throttle-merchant-orders")
    assert everything() == before
    assert "Throttled" in dispatched(client, order())


def test_a_dry_run_of_an_order_that_waits_says_for_what(client: Strict) -> None:
    large = order(payload={"total_cents": 60_000})
    dispatched(client, large)
    Rule.objects.filter(name="approve-high-value").update(enabled=False)
    publish_rules()
    assert dry(client, large) == ("request_approval", "approve-high-value")
    changed = {**large, "payload": {**large["payload"], "total_cents": 100}}
    client.refused("POST", "/v1/dispatch?dry_run=true", 409, "ORDER_DIFFERS", body=changed)


def test_a_provider_that_does_not_exist_leaves_the_verdict_as_it_is(client: Strict, rule: AddRule) -> None:
    rule("allow")
    lost = {**PING, "provider": "nobody"}
    assert dry(client, lost) == ("allow", "test-rule")
    assert dispatched(client, lost)["Failed"]["code"] == "PROVIDER_NOT_FOUND"


def test_a_dry_run_reads_as_often_for_many_as_for_one(client: Strict) -> None:
    def reads(actions: list[dict[str, Any]]) -> int:
        with CaptureQueriesContext(connection) as queries:
            client.post("/v1/dispatch/batch?dry_run=true", listed(shapes.batch_item), actions)
        statements = [query["sql"] for query in queries]
        assert not [sql for sql in statements if sql.startswith("INSERT")]
        # Each process looks at the configuration's versions twice a second, whatever is asked.
        return len([sql for sql in statements if "acteon_site_configstamp" not in sql])

    reads([order()])
    assert reads([order() for _ in range(50)]) == reads([order()])


def test_dry_run_is_a_flag(client: Strict) -> None:
    client.refused("POST", "/v1/dispatch?dry_run=maybe", 400, "BAD_QUERY", body=order())


# Batch ---------------------------------------------------------------------------------------------------------


def test_a_batch_answers_each_in_order_and_a_bad_item_fails_alone(client: Strict) -> None:
    good, bad = order(payload={"order_id": "b-1"}), order(payload={"total_cents": "x"})
    items = client.post("/v1/dispatch/batch", listed(shapes.batch_item), [good, bad, "no action", good])
    assert [next(iter(item)) for item in items] == ["Executed", "error", "error", "Deduplicated"]
    assert items[3] == {"Deduplicated": None}
    assert items[1]["error"]["code"] == "VALIDATION"


def test_an_empty_batch_is_an_empty_array(client: Strict) -> None:
    assert client.post("/v1/dispatch/batch", listed(shapes.batch_item), []) == []


def test_of_a_batch_with_one_key_exactly_the_first_is_executed(client: Strict) -> None:
    same = [order(dedup_key="one", payload={"order_id": f"o{number}"}) for number in range(5)]
    items = client.post("/v1/dispatch/batch", listed(shapes.batch_item), same)
    assert [next(iter(item)) for item in items] == ["Executed", *["Deduplicated"] * 4]
    assert Order.objects.count() == 1


def test_a_batch_holds_a_thousand_and_no_more(client: Strict) -> None:
    client.refused("POST", "/v1/dispatch/batch", 400, "BATCH_TOO_LARGE", body=[{}] * 1001)
    items = client.post("/v1/dispatch/batch", listed(shapes.batch_item), [{}] * 1000)
    assert len(items) == 1000


def test_a_batch_that_is_no_array_is_malformed(client: Strict) -> None:
    client.refused("POST", "/v1/dispatch/batch", 400, "MALFORMED", body=order())


def test_a_dry_batch_leaves_nothing(client: Strict) -> None:
    before = everything()
    items = client.post("/v1/dispatch/batch?dry_run=true", listed(shapes.batch_item), [order(), {"x": 1}])
    assert [next(iter(item)) for item in items] == ["DryRun", "error"]
    assert everything() == before


def test_in_a_dry_batch_an_equal_action_meets_the_one_before_it(client: Strict) -> None:
    same = order()
    items = client.post("/v1/dispatch/batch?dry_run=true", listed(shapes.batch_item), [same, same])
    assert [item["DryRun"]["verdict"] for item in items] == ["allow", "deduplicate"]


@pytest.mark.parametrize("field", ["created_at", "starts_at", "ends_at"])
@pytest.mark.parametrize("value", ["2026-01-01T00:00:00", "yesterday", 7, "2026-13-01T00:00:00Z"])
def test_times_carry_an_offset(client: Strict, field: str, value: Any) -> None:
    error = client.refused("POST", "/v1/dispatch", 422, body=order(**{field: value}))
    assert error["details"][0]["field"] == field


def test_an_unknown_template_profile_is_invalid(client: Strict) -> None:
    error = client.refused("POST", "/v1/dispatch", 422, body=order(template="nobody"))
    assert error["details"][0]["field"] == "template"
