"""Refunds: what was charged, what is given back, and that the one never exceeds the other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from acteon_site.base.clock import db_now
from acteon_site.client.samples import sample_orders
from acteon_site.config_files.load import load_paths
from audit_app.models import AuditRecord, RetentionPolicy
from chains_app.models import Run
from chains_app.services.advance import runs_sweep
from orders_app.lifecycles.spec import parse_lifecycle
from orders_app.models import Hold, Order
from orders_app.services.reaping import reap_orders
from orders_app.services.releases import holds_sweep
from tests.chains_app.gateway import GONE, Gateway, charging, decide, placed, settle
from tests.orders_app.refunding import (
    CHARGED,
    RETURNS,
    charged_order,
    failure,
    ledger,
    load_returns,
    refund,
    with_rules,
    without,
)
from tests.world import FIXTURES, SCOPE, Shop, tag


@pytest.fixture
def shop(db: None) -> Shop:
    return load_returns()


def test_partial_refunds_are_paid_until_nothing_is_left_and_no_cent_more(
    shop: Shop, gateway: Gateway
) -> None:
    name = charged_order(shop, gateway)
    assert ledger(name) == (CHARGED, 0, 0)
    first = shop.dispatch(refund(name, 6_000)).json()
    assert tag(first) == "Executed"
    assert ledger(name) == (CHARGED, 0, 6_000)
    settle(2)
    assert ledger(name) == (CHARGED, 6_000, 0)
    refused = failure(shop.dispatch(refund(name, 4_001)).json())
    assert (refused["code"], refused["retryable"]) == ("EXECUTION_FAILED", False)
    assert (
        "$40.01 are more than the $40.00 that are left to refund: $100.00 were charged" in refused["message"]
    )
    assert tag(shop.dispatch(refund(name, 4_000)).json()) == "Executed"
    settle(2)
    assert ledger(name) == (CHARGED, CHARGED, 0)
    assert tag(shop.dispatch(refund(name, 1)).json()) == "Failed"
    sent = [call["payload"]["amount_cents"] for call in gateway.calls("refund_card")]
    assert sent == [6_000, 4_000]
    assert len(gateway.keys("refund_card")) == 2
    of_one = Order.objects.get(fingerprint=first["Executed"]["body"]["order_id"])
    assert (of_one.state, of_one.status, of_one.refund_state) == ("refunded", "completed", "paid")


def test_refunds_of_one_batch_share_what_is_left(shop: Shop, gateway: Gateway) -> None:
    name = charged_order(shop, gateway)
    outcomes = shop.batch([refund(name, 4_000) for _ in range(3)]).json()
    assert [tag(outcome) for outcome in outcomes] == ["Executed", "Executed", "Failed"]
    # What is on its way may fail, and be left for the third.
    assert failure(outcomes[2])["retryable"]
    assert ledger(name) == (CHARGED, 0, 8_000)


def test_a_refund_that_failed_gives_its_amount_back_and_one_in_doubt_keeps_it(
    shop: Shop, gateway: Gateway
) -> None:
    name = charged_order(shop, gateway)
    gateway.script["refund_card"] = [402]
    shop.dispatch(refund(name, CHARGED))
    settle(3)
    assert ledger(name) == (CHARGED, 0, 0)
    gateway.script["refund_card"] = [GONE, *[404] * 9]
    shop.dispatch(refund(name, CHARGED, payload={"refund_id": "rf-doubt"}))
    settle(7)
    assert ledger(name) == (CHARGED, 0, CHARGED)
    refused = failure(shop.dispatch(refund(name, 1)).json())
    assert refused["retryable"]
    assert "$100.00 wait, are under way or in doubt" in refused["message"]
    assert decide(shop, "skip", outcome="done").status_code == 200
    settle(3)
    assert ledger(name) == (CHARGED, CHARGED, 0)


def test_what_is_not_charged_cannot_be_refunded(shop: Shop, gateway: Gateway) -> None:
    unknown = failure(shop.dispatch(refund("nobody")).json())
    assert (unknown["code"], unknown["retryable"]) == ("NOT_FOUND", False)
    charging(gateway)
    waits = shop.place(payload={"order_id": "big", "total_cents": 75_000})
    assert tag(waits) == "PendingApproval"
    refused = failure(shop.dispatch(refund("big")).json())
    assert refused["retryable"]
    assert "it is held: nothing is charged" in refused["message"]
    gateway.script["charge_card"] = [402]
    placed(shop, payload={"order_id": "declined"})
    settle(3)
    assert ledger("declined") == (0, 0, 0)
    assert tag(shop.dispatch(refund("declined")).json()) == "Failed"
    # A refund is nothing that could be refunded.
    paid = charged_order(shop, gateway)
    shop.dispatch(refund(paid, payload={"refund_id": "rf-one"}))
    settle(3)
    assert "charge nothing" in failure(shop.dispatch(refund("rf-one")).json())["message"]
    assert "in EUR" in failure(shop.dispatch(refund(paid, payload={"currency": "eur"})).json())["message"]
    for wrong in ({"amount_cents": 0}, {"amount_cents": -5}, {"amount_cents": 5.5}, {"amount_cents": "100"}):
        assert shop.dispatch(refund(paid, payload=wrong)).status_code == 422
    assert ledger(paid) == (CHARGED, 1_000, 0)


def test_an_order_under_way_is_cancelled_or_refunded_and_never_both(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    gateway.script["ship_order"] = [429]
    run = placed(shop, payload={"order_id": "slow", "total_cents": CHARGED})
    runs_sweep()  # it is charged, and its shipping is tried again later
    refused = failure(shop.dispatch(refund("slow", CHARGED)).json())
    assert refused["retryable"]
    assert "its charge may still be undone by itself" in refused["message"]
    assert shop.post("/v1/orders/slow/cancel", SCOPE).status_code == 200
    settle(3)
    assert Run.objects.get(pk=run.pk).status == "cancelled"
    assert ledger("slow") == (0, 0, 0)
    refused = failure(shop.dispatch(refund("slow", CHARGED)).json())
    assert not refused["retryable"]
    assert len(gateway.calls("refund_card")) == 1  # the compensation


def test_past_the_point_of_no_return_it_is_refunded_and_not_cancelled(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    gateway.script["order_confirmation"] = [500] * 3
    placed(shop, payload={"order_id": "sent", "total_cents": CHARGED})
    runs_sweep()
    if Order.objects.get(fingerprint="sent").status == "processing":
        assert shop.post("/v1/orders/sent/cancel", SCOPE).status_code == 409
    assert tag(shop.dispatch(refund("sent", CHARGED)).json()) == "Executed"
    settle(3)
    assert ledger("sent") == (CHARGED, CHARGED, 0)


def test_a_refund_that_waits_reserves_and_gives_back_however_it_ends(shop: Shop, gateway: Gateway) -> None:
    name = charged_order(shop, gateway, cents=40_000)
    with_rules("approve-refund")
    ends = []
    for number in range(3):
        answer = shop.dispatch(refund(name, 20_000, payload={"refund_id": f"rf-end-{number}"})).json()
        assert tag(answer) == "PendingApproval"
        assert ledger(name) == (40_000, 0, 20_000)
        hold = Hold.objects.get(pk=answer["PendingApproval"]["approval_id"])
        ends.append(hold)
        if number == 0:
            assert shop.post("/v1/orders/rf-end-0/cancel", SCOPE).status_code == 200
        elif number == 1:
            shop.client.post(_path(answer))
        else:
            Hold.objects.filter(pk=hold.pk).update(due_at=F("due_at") - timedelta(days=2))
            Hold.objects.filter(pk=hold.pk).update(next_run_at=F("due_at"))
            holds_sweep()
        assert ledger(name) == (40_000, 0, 0), number


def _path(answer: Any) -> str:
    url: str = answer["PendingApproval"]["reject_url"]
    return "/v1/" + url.partition("/v1/")[2]


def test_a_refund_above_the_limit_takes_two_and_a_rule_of_today_can_refuse_it(
    shop: Shop, gateway: Gateway
) -> None:
    charging(gateway)
    without("approve-high-value")
    name = charged_order(shop, gateway, cents=90_000)
    with_rules("approve-refund")
    answer = shop.dispatch(refund(name, 60_000)).json()
    hold = Hold.objects.get(pk=answer["PendingApproval"]["approval_id"])
    assert (hold.approvers, hold.worth, hold.currency) == (2, 6_000_000, "USD")
    assert ledger(name) == (90_000, 0, 60_000)
    one = shop.dispatch(refund(name, 10_000)).json()["PendingApproval"]
    Order.objects.filter(fingerprint=name).update(created_at=F("created_at") - timedelta(days=90))
    held_by_operator = Hold.objects.get(pk=one["approval_id"])
    held_by_operator.context["caller_role"] = "operator"
    held_by_operator.save(update_fields=["context"])
    shop.client.post("/v1/" + one["approve_url"].partition("/v1/")[2])
    # 60 days are over: what the operator asked for is rejected on its release, and gives its amount back.
    assert Order.objects.get(refund_amount=10_000).status == "rejected"
    assert ledger(name) == (90_000, 0, 60_000)


def test_rules_see_who_sends_a_refund_and_what_its_order_says(shop: Shop, gateway: Gateway) -> None:
    name = charged_order(shop, gateway)
    with_rules("approve-refund-by-parts")
    clerk = Shop(role="operator", name="clerk")
    assert tag(clerk.dispatch(refund(name, 5_000)).json()) == "Executed"
    settle(3)
    Order.objects.filter(fingerprint=name).update(refunded=0, charged=40_000)
    Order.objects.filter(fingerprint=name).update(refunded=10_000)
    assert tag(clerk.dispatch(refund(name, 100)).json()) == "PendingApproval"
    asked = refund(name, 100)
    Order.objects.filter(fingerprint=name).update(created_at=F("created_at") - timedelta(days=61))
    assert clerk.dispatch(asked).json() == {"Suppressed": {"rule": "refund-too-late"}}
    assert tag(shop.dispatch(refund(name, 100)).json()) == "PendingApproval"  # an administrator's
    said = shop.post("/v1/rules/evaluate", asked).json()
    assert said["matched_rule"] == "approve-refund-by-parts"
    mocked = {"mock_state": {"caller.role": "operator", "order.age_days": 70}}
    assert shop.post("/v1/rules/evaluate", {**asked, **mocked}).json()["matched_rule"] == "refund-too-late"
    wrong = shop.post("/v1/rules/evaluate", {**asked, "mock_state": {"caller.role": "boss"}})
    assert wrong.status_code == 422
    record = AuditRecord.objects.filter(matched_rule="refund-too-late").latest("dispatched_at")
    assert record.verdict_details["order"]["order.age_days"] == 61
    told = shop.dispatch(asked, dry_run=True).json()["DryRun"]
    assert told["verdict"] == "request_approval"


def test_a_dry_run_says_that_too_little_is_left_and_reserves_nothing(shop: Shop, gateway: Gateway) -> None:
    name = charged_order(shop, gateway)
    said = [
        shop.dispatch(refund(name, cents), dry_run=True).json()["DryRun"] for cents in (CHARGED, CHARGED + 1)
    ]
    assert [one["verdict"] for one in said] == ["allow", "deny"]
    assert ledger(name) == (CHARGED, 0, 0)


def test_the_order_of_before_is_charged_as_its_stored_payload_says(shop: Shop, gateway: Gateway) -> None:
    name = charged_order(shop, gateway)
    Order.objects.filter(fingerprint=name).update(charged=None, currency="")  # as a migration leaves it
    assert tag(shop.dispatch(refund(name, 1_000)).json()) == "Executed"
    assert ledger(name) == (CHARGED, 0, 1_000)
    settle(3)
    Order.objects.filter(fingerprint=name).update(charged=None, currency="", refunded=0)
    Run.objects.filter(action_type="place_order").delete()
    assert tag(shop.dispatch(refund(name, CHARGED)).json()) == "Executed"
    settle(3)
    assert ledger(name) == (CHARGED, CHARGED, 0)


def test_the_database_itself_refuses_a_sum_above_the_charge(shop: Shop, gateway: Gateway) -> None:
    name = charged_order(shop, gateway)
    rows = Order.objects.filter(fingerprint=name)
    for values in ({"refunded": CHARGED, "reserved": 1}, {"reserved": -1}, {"charged": None, "reserved": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**values)


def test_a_return_is_moved_from_request_to_refund(shop: Shop) -> None:
    answer = shop.dispatch(
        {
            **SCOPE,
            "provider": "warehouse",
            "action_type": "request_return",
            "id": "return-1",
            "payload": {
                "return_id": "rt-1",
                "order_id": "ord-1",
                "items": [{"sku": "A-1"}],
                "reason": "too small",
            },
        }
    ).json()
    assert tag(answer) == "Executed"
    for state in ("approved", "received", "refunded"):
        moved = shop.put("/v1/events/rt-1/transition", {**SCOPE, "to": state})
        assert moved.status_code == 200, moved.content
    assert shop.put("/v1/events/rt-1/transition", {**SCOPE, "to": "refused"}).status_code == 409


def test_the_sample_actions_come_to_what_they_say(shop: Shop, gateway: Gateway) -> None:
    charging(gateway)
    with_rules("approve-refund", "approve-refund-by-parts")
    for sample in sample_orders(RETURNS / "actions" / "sample-actions.yaml", "test"):
        if sample.after:
            settle(2)
        outcome = shop.dispatch(dict(sample.action)).json()
        assert tag(outcome) == sample.expected, sample.label
        found = shop.audit(action_id=sample.action["id"]) if sample.rule else []
        assert not sample.rule or found[0]["matched_rule"] == sample.rule, sample.label
    settle(2)
    assert ledger("ORD-R1-test") == (19_900, 9_900, 10_000)


FIELDS = {
    "order_id": {"type": "text", "required": True},
    "cents": {"type": "integer", "required": True, "min": 1, "max": 1000},
    "currency": {"type": "currency"},
    "note": {"type": "text"},
}
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"charges": {"amount": "note"}}, "charges.amount", "of type integer"),
    ({"charges": {"amount": "total"}}, "charges.amount", "must stand under fields"),
    ({"charges": {"amout": "cents", "amount": "cents"}}, "charges.amout", "did you mean 'amount'?"),
    ({"charges": {"currency": "currency"}}, "charges.amount", "is required"),
    ({"charges": {"amount": "cents", "currency": "note"}}, "charges.currency", "type currency"),
    ({"charges": "cents"}, "charges", "must be an object"),
    ({"refunds": {"amount": "cents"}}, "refunds.of", "is required"),
    ({"refunds": {"of": "note", "amount": "cents"}}, "refunds.of", "required: true"),
    (
        {"refunds": {"of": "order_id", "amount": "cents"}, "fingerprint_field": "order_id"},
        "refunds.of",
        "a name of its own",
    ),
    (
        {"refunds": {"of": "order_id", "amount": "cents"}, "charges": {"amount": "cents"}},
        "refunds",
        "no charge",
    ),
    (
        {
            "charges": {"amount": "cents"},
            "fields": {**FIELDS, "cents": {"type": "integer", "required": True}},
        },
        "charges.amount",
        "a max of",
    ),
]


@pytest.mark.parametrize(
    ("changes", "field", "hint"), WRONG, ids=[f"{field} {hint}" for _, field, hint in WRONG]
)
def test_money_that_could_not_be_added_up_exactly_is_refused_with_the_reason(
    changes: dict[str, Any], field: str, hint: str
) -> None:
    base = {"name": "x", "action_type": "y", "initial": "a", "states": ["a"], "fields": FIELDS}
    spec, problems = parse_lifecycle({**base, **changes})
    assert spec is None
    assert [hint in problem.message for problem in problems if problem.field == field] == [True], problems


def test_a_chain_without_the_step_that_charges_loads_with_a_warning(shop: Shop, tmp_path: Path) -> None:
    """The shop may put another chain in its place: then nothing is charged, and nothing refunded."""
    folder = tmp_path / "wrong"
    folder.mkdir()
    text = (FIXTURES / "lifecycles.yaml").read_text().replace("step: charge}", "step: chrage}")
    text = text.replace("order-lifecycle", "other-lifecycle").replace("ecommerce", "'*'")
    (folder / "lifecycles.yaml").write_text(text)
    loaded = load_paths([folder], actor="tests")
    told = [str(warning) for warning in loaded.warnings]
    assert any(
        '"chrage" is no call of chain order-processing; did you mean "charge"?' in one for one in told
    ), told


def test_retention_keeps_an_order_while_a_refund_of_it_is_on_its_way(shop: Shop, gateway: Gateway) -> None:
    name = charged_order(shop, gateway)
    policy = RetentionPolicy.objects.create(**SCOPE, event_ttl_seconds=3600)
    shop.dispatch(refund(name, 1_000, payload={"refund_id": "rf-kept"}))
    Order.objects.filter(fingerprint=name).update(finished_at=F("created_at") - timedelta(days=1))
    assert reap_orders(policy, db_now(), 10) == 0
    settle(2)
    assert ledger(name) == (CHARGED, 1_000, 0)
    assert reap_orders(policy, db_now(), 10) == 1
    left = shop.scoped("/v1/events/rf-kept")
    assert left["refund"] == {"of": "", "amount_cents": 1_000, "refund": "paid"}
    assert failure(shop.dispatch(refund(name, 1)).json())["code"] == "NOT_FOUND"
