"""Approvals and schedules: held, decided, released through today's rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from rest_framework.test import APIClient

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from audit_app.models import Event
from chains_app.services.advance import runs_sweep
from orders_app.models import Hold, Lifecycle, Order
from orders_app.services.releases import holds_sweep
from orders_app.services.transitions import orders_time_out
from rules_app.models import Rule
from tests.world import CLOSED_HOURS, OPEN_HOURS, SCOPE, Shop, order, publish_rules, tag

HIGH = {"total_cents": 75_000}


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def make_due() -> None:
    """All that waits within the next hour falls due now."""
    now = db_now()
    Hold.objects.filter(next_run_at__lt=now + timedelta(hours=1)).update(due_at=now, next_run_at=now)


def always_open() -> None:
    """Releases run by the real clock; these tests must not depend on it."""
    Rule.objects.filter(name="schedule-after-hours").update(enabled=False)
    publish_rules()


def pending(shop: Shop, **changes: object) -> dict[str, str]:
    answer = shop.place(payload={**HIGH, "order_id": "big-1"}, **changes)
    approval: dict[str, str] = answer["PendingApproval"]
    return approval


def test_an_approved_order_goes_through_the_remaining_rules_into_its_chain(shop: Shop) -> None:
    always_open()
    approval = pending(shop)
    answer = APIClient().post(path_of(approval["approve_url"]))
    assert answer.status_code == 200, answer.content
    assert answer.json()["status"] == "approved"
    assert tag(answer.json()["outcome"]) == "Executed"
    runs_sweep()
    assert Order.objects.get().status == "completed"
    outcomes = [row["outcome"] for row in shop.audit() if row["verdict"] != "chain"]
    assert outcomes == ["executed", "approval_approved", "pending_approval"]


@pytest.mark.parametrize(("now", "wanted"), [(OPEN_HOURS, "Executed"), (CLOSED_HOURS, "Scheduled")])
def test_an_approval_by_the_demo_clock_is_released_by_it(shop: Shop, now: str, wanted: str) -> None:
    approval = pending(shop)
    answer = APIClient().post(path_of(approval["approve_url"]), headers={"X-Demo-Now": now})
    assert tag(answer.json()["outcome"]) == wanted
    newest = next(row for row in shop.audit() if row["outcome"] == wanted.lower())
    assert newest["verdict_details"]["demo_now"] == now.replace("Z", ".000Z")


@pytest.mark.parametrize("header", ["noon", OPEN_HOURS])
def test_a_demo_clock_that_is_wrong_or_not_allowed_decides_nothing(
    shop: Shop, settings: Any, header: str
) -> None:
    approval = pending(shop)
    settings.DEMO_CLOCK = header == "noon"
    answer = APIClient().post(path_of(approval["approve_url"]), headers={"X-Demo-Now": header})
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_QUERY")
    assert Hold.objects.get().status == "pending"


def test_an_approval_after_hours_is_scheduled_and_then_executed(shop: Shop) -> None:
    approval = pending(shop, dedup_key="k")
    Rule.objects.filter(name="schedule-after-hours").update(
        condition={"field": "action.action_type", "eq": "place_order"}
    )
    publish_rules()
    answer = APIClient().post(path_of(approval["approve_url"])).json()
    assert tag(answer["outcome"]) == "Scheduled"
    make_due()
    holds_sweep()
    assert Order.objects.get().status == "processing"


def test_a_link_decides_only_by_post_only_once_and_only_its_own_decision(shop: Shop) -> None:
    approval = pending(shop)
    client = APIClient()
    for method in (client.get, client.head):
        assert method(path_of(approval["approve_url"])).status_code == 200
    assert Hold.objects.get().status == "pending"
    forged = path_of(approval["reject_url"]).replace("/reject?", "/approve?")
    assert client.post(forged).status_code == 404
    assert client.post(path_of(approval["reject_url"])).json()["status"] == "rejected"
    assert client.post(path_of(approval["approve_url"])).status_code == 410
    assert Order.objects.get().status == "rejected"


def test_a_link_without_its_parts_is_400_and_with_a_wrong_signature_404(shop: Shop) -> None:
    approval = pending(shop)
    path = path_of(approval["approve_url"])
    assert APIClient().post(path.partition("?")[0]).status_code == 400
    assert APIClient().post(path.replace("sig=", "sig=0")).status_code == 404
    assert APIClient().post(path.replace("expires_at=1", "expires_at=2")).status_code == 404


def test_nobody_deciding_in_time_expires_the_order_which_may_then_be_placed_anew(shop: Shop) -> None:
    pending(shop, dedup_key="k")
    make_due()
    holds_sweep()
    assert Order.objects.get().status == "expired"
    assert [row["outcome"] for row in shop.audit(outcome="approval_expired")] == ["approval_expired"]
    again = shop.place(dedup_key="k", payload={"order_id": "big-1", "total_cents": 100})
    assert tag(again) == "Executed"


@pytest.mark.parametrize("same", [{}, {"dedup_key": "k", "fingerprint": "found by its key alone"}])
def test_the_same_order_or_key_gets_the_holds_own_answer(shop: Shop, same: dict[str, object]) -> None:
    first = pending(shop, dedup_key="k")
    again = shop.place(**same, payload={**HIGH, "order_id": "big-1"})
    assert again["PendingApproval"]["approval_id"] == first["approval_id"]
    assert Hold.objects.count() == 1


def test_a_country_sanctioned_while_the_order_waited_still_stops_it(shop: Shop) -> None:
    approval = pending(shop)
    Rule.objects.filter(name="deny-sanctioned-regions").update(
        condition={"field": "action.payload.shipping_country", "eq": "US"}
    )
    publish_rules()
    answer = APIClient().post(path_of(approval["approve_url"])).json()
    assert answer["outcome"] == {"Suppressed": {"rule": "deny-sanctioned-regions"}}
    order_row = Order.objects.get()
    assert (order_row.status, order_row.living) == ("rejected", False)
    assert "deny-sanctioned-regions" in order_row.reason


def test_a_scheduled_order_is_released_and_executed_though_it_is_still_after_hours(shop: Shop) -> None:
    Rule.objects.filter(name="schedule-after-hours").update(
        condition={"field": "action.action_type", "eq": "place_order"}
    )
    publish_rules()
    assert tag(shop.place()) == "Scheduled"
    assert holds_sweep() == 0
    make_due()
    holds_sweep()
    runs_sweep()
    assert Order.objects.get().status == "completed"
    outcomes = {row["outcome"] for row in shop.audit()}
    assert {"scheduled", "schedule_released", "executed", "chain_completed"} <= outcomes


def test_a_schedule_can_be_listed_and_cancelled_once(shop: Shop) -> None:
    placed = order(dedup_key="k")
    shop.dispatch(placed, now=CLOSED_HOURS)
    listed = shop.scoped("/v1/scheduled", status="pending")["scheduled"]
    assert [item["action_id"] for item in listed] == [placed["id"]]
    path = f"/v1/scheduled/{placed['id']}/cancel"
    assert shop.post(path, SCOPE).json()["status"] == "cancelled"
    assert shop.post(path, SCOPE).status_code == 409
    assert Order.objects.get().status == "cancelled"
    assert tag(shop.dispatch(placed).json()) == "Executed"


def test_a_release_that_is_throttled_waits_its_turn_before_new_orders(shop: Shop) -> None:
    always_open()
    approval = pending(shop)
    for _ in range(10):
        shop.place()
    answer = APIClient().post(path_of(approval["approve_url"])).json()
    assert tag(answer["outcome"]) == "Scheduled"
    turn = Hold.objects.get(kind="turn")
    new = shop.place()
    assert tag(new) == "Throttled"
    assert turn.status == "pending"
    held = Order.objects.get(fingerprint="big-1")
    assert held.status == "scheduled"


def test_a_turn_that_is_cancelled_is_told_of_once_and_with_the_change(shop: Shop) -> None:
    always_open()
    approval = pending(shop)
    for _ in range(10):
        shop.place()
    APIClient().post(path_of(approval["approve_url"]))
    turn = Hold.objects.get(kind="turn")
    told = Event.objects.filter(action_id=turn.action_id_text, type="action_status_changed")
    path = f"/v1/scheduled/{turn.action_id_text}/cancel"
    assert shop.post(path, SCOPE).status_code == 200
    assert shop.post(path, SCOPE).status_code == 409
    assert told.get().data["new_status"] == "cancelled"
    assert told.get().data["fingerprint"] == "big-1"


def test_a_held_order_refuses_transitions_and_can_be_cancelled(shop: Shop) -> None:
    pending(shop)
    refused = shop.put("/v1/events/big-1/transition", {"to": "confirmed", **SCOPE})
    assert refused.status_code == 409
    assert "held" in refused.json()["error"]
    cancelled = shop.post("/v1/orders/big-1/cancel", {**SCOPE, "reason": "changed my mind"})
    assert cancelled.json()["status"] == "cancelled"
    assert Hold.objects.get().status == "cancelled"


def test_an_approval_whose_payload_a_new_rule_changes_asks_again(shop: Shop) -> None:
    always_open()
    approval = pending(shop)
    Rule.objects.create(
        name="surcharge",
        priority=2,
        condition={"field": "action.action_type", "eq": "place_order"},
        action={"type": "modify", "changes": {"surcharge_cents": 500}},
    )
    publish_rules()
    answer = APIClient().post(path_of(approval["approve_url"])).json()
    assert tag(answer["outcome"]) == "PendingApproval"
    assert answer["outcome"]["PendingApproval"]["approval_id"] != approval["approval_id"]


def test_the_approver_is_told_through_the_rules_provider(shop: Shop) -> None:
    assert pending(shop)["notification_sent"] is True


def test_a_browser_sees_the_order_without_its_card_and_one_button(shop: Shop) -> None:
    approval = pending(shop)
    page = APIClient().get(path_of(approval["approve_url"]), HTTP_ACCEPT="text/html")
    text = page.content.decode()
    assert "Approve this order?" in text
    assert "<button" in text
    assert "4111111111111111" not in text
    assert ">4242<" not in text


def test_an_action_that_a_lifecycle_claims_only_on_its_release_becomes_an_order_then(shop: Shop) -> None:
    always_open()
    claim_orders(enabled=False)
    approval = pending(shop)
    assert not Order.objects.exists()
    claim_orders(enabled=True)
    answer = APIClient().post(path_of(approval["approve_url"]))
    assert tag(answer.json()["outcome"]) == "Executed"
    assert Order.objects.get().action == Hold.objects.get().action


def claim_orders(*, enabled: bool) -> None:
    Lifecycle.objects.update(enabled=enabled)
    config_versions.reset()


def test_the_time_of_a_state_counts_from_the_release_since_a_held_order_does_not_move(shop: Shop) -> None:
    Lifecycle.objects.update(timeouts=[{"state": "placed", "after_seconds": 600, "to": "confirmed"}])
    config_versions.reset()
    always_open()
    approval = pending(shop)
    Order.objects.update(timeout_at=db_now() - timedelta(seconds=1))  # it has waited longer than that
    orders_time_out()
    assert Order.objects.get().state == "placed"
    assert APIClient().post(path_of(approval["approve_url"])).status_code == 200
    order = Order.objects.get()
    assert order.timeout_at is not None
    assert timedelta(seconds=590) < order.timeout_at - db_now() <= timedelta(seconds=600)
