"""The guide's outcomes, order by order."""

from __future__ import annotations

import pytest

from chains_app.services.advance import runs_sweep
from rules_app.models import Rule
from tests.world import CLOSED_HOURS, SCOPE, Shop, order, publish_rules, tag


def test_a_standard_order_is_executed_and_its_chain_runs_to_the_end(shop: Shop) -> None:
    outcome = shop.place()
    assert tag(outcome) == "Executed", outcome
    body = outcome["Executed"]["body"]
    assert body["chain_name"] == "order-processing"
    assert body["state"] == "placed"
    runs_sweep()
    chain = shop.get(f"/v1/chains/{body['chain_id']}").json()
    assert chain["status"] == "completed", chain
    assert chain["execution_path"] == ["validate", "charge", "fulfill", "notify-customer"]


def test_an_allow_rule_ends_the_search_and_the_chain_still_executes_the_order(shop: Shop) -> None:
    Rule.objects.create(
        name="allow-all", priority=0, condition={"field": "action.tenant", "ne": ""}, action={"type": "allow"}
    )
    publish_rules()
    outcome = shop.place(payload={"total_cents": 75_000})
    assert outcome["Executed"]["body"]["chain_name"] == "order-processing"


@pytest.mark.parametrize("country", ["NK", "KP", "SY", "IR", " nk", "ir"])
def test_a_sanctioned_country_is_denied_before_anything_else(shop: Shop, country: str) -> None:
    outcome = shop.place(payload={"shipping_country": country, "total_cents": 99_999_999}, now=CLOSED_HOURS)
    assert outcome == {"Suppressed": {"rule": "deny-sanctioned-regions"}}


@pytest.mark.parametrize(
    ("cents", "expected"), [(49_999, "Executed"), (50_000, "PendingApproval"), (50_001, "PendingApproval")]
)
def test_five_hundred_dollars_and_more_wait_for_a_manager(shop: Shop, cents: int, expected: str) -> None:
    assert tag(shop.place(payload={"total_cents": cents})) == expected


def test_after_hours_an_order_is_scheduled(shop: Shop) -> None:
    assert tag(shop.place(now=CLOSED_HOURS)) == "Scheduled"


def test_the_same_dedup_key_is_executed_once(shop: Shop) -> None:
    outcomes = [shop.dispatch(order(dedup_key="twice")) for _ in range(2)]
    assert [tag(outcome.json()) for outcome in outcomes] == ["Executed", "Deduplicated"]
    assert outcomes[1].headers["X-Dedup-Reason"] == "dedup_key"


def test_a_living_order_is_never_placed_twice_whatever_its_dedup_key(shop: Shop) -> None:
    shop.place(payload={"order_id": "only-once"})
    again = shop.dispatch(order(payload={"order_id": "only-once"}))
    assert again.json() == "Deduplicated"
    assert again.headers["X-Dedup-Reason"] == "living_order"


def test_the_eleventh_distinct_order_in_a_minute_is_throttled(shop: Shop) -> None:
    outcomes = [shop.place() for _ in range(11)]
    assert [tag(outcome) for outcome in outcomes] == ["Executed"] * 10 + ["Throttled"]
    wait = outcomes[-1]["Throttled"]["retry_after"]
    assert 50 <= wait["secs"] <= 60


def test_what_no_rule_knows_is_suppressed_by_the_catch_all(shop: Shop) -> None:
    outcome = shop.place(action_type="delete_everything")
    assert outcome == {"Suppressed": {"rule": "deny-unmatched"}}


@pytest.mark.parametrize("tenant", ["acme-store", "opened-today", "ACME-STORE"])
def test_the_catch_all_covers_every_tenant_of_its_namespace(shop: Shop, tenant: str) -> None:
    gift = shop.place(tenant=tenant, action_type="send_gift")
    assert gift == {"Suppressed": {"rule": "deny-unmatched"}}
    assert tag(shop.place(tenant=tenant)) == "Executed"


def test_what_no_rule_decides_in_another_namespace_is_allowed(shop: Shop) -> None:
    assert tag(shop.place(namespace="elsewhere", action_type="send_gift")) == "Executed"


def test_a_catch_all_may_cover_every_namespace(shop: Shop) -> None:
    everything = {"field": "action.namespace", "exists": True}
    Rule.objects.filter(name="deny-unmatched").update(condition=everything)
    publish_rules()
    assert tag(shop.place(namespace="elsewhere", action_type="send_gift")) == "Suppressed"
    assert tag(shop.place()) == "Executed"


def test_every_dispatch_leaves_one_redacted_row(shop: Shop) -> None:
    shop.place()
    shop.place(payload={"shipping_country": "SY"})
    rows = shop.audit()
    assert [row["outcome"] for row in rows] == ["suppressed", "executed"]
    assert rows[0]["verdict"] == "deny"
    assert rows[1]["payload"]["card_number"] == "[REDACTED]"
    assert "4242" not in str([(row["payload"], row["outcome_details"]) for row in rows])


def test_a_batch_answers_in_order_and_a_malformed_item_fails_alone(shop: Shop) -> None:
    duplicate = order(dedup_key="same")
    answer = shop.batch(
        [
            order(),
            {"namespace": "x"},
            duplicate,
            {**duplicate, "id": "other"},
            order(payload={"total_cents": "9"}),
        ]
    )
    assert answer.status_code == 200, answer.content
    items = answer.json()
    assert tag(items[0]) == "Executed"
    assert items[1]["error"]["code"] == "VALIDATION"
    assert tag(items[2]) == "Executed"
    assert items[3] == {"Deduplicated": None}
    assert items[4]["error"]["code"] == "VALIDATION"


def test_a_dry_run_consumes_nothing(shop: Shop) -> None:
    for _ in range(12):
        answer = shop.dispatch(order(dedup_key="same"), dry_run=True).json()
    assert answer["DryRun"]["verdict"] == "allow"
    assert shop.audit() == []
    assert tag(shop.place(dedup_key="same")) == "Executed"


def test_the_lifecycle_moves_by_api_and_refuses_illegal_moves(shop: Shop) -> None:
    shop.place(payload={"order_id": "o/1:x"})
    path = "/v1/events/o%2F1:x"
    for state in ("confirmed", "shipped", "delivered"):
        moved = shop.put(f"{path}/transition", {"to": state, **SCOPE})
        assert moved.status_code == 200, moved.content
        assert moved.json()["new_state"] == state
    assert shop.put(f"{path}/transition", {"to": "placed", **SCOPE}).status_code == 409
    history = shop.scoped(path)["history"]
    assert [(move["from"], move["to"]) for move in history] == [
        ("placed", "confirmed"),
        ("confirmed", "shipped"),
        ("shipped", "delivered"),
    ]
