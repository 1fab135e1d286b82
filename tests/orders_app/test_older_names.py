"""Orders stored while decomposed names were taken: they are found, moved, released and remembered under either form."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F

from acteon_site.base.clock import db_now
from audit_app.models import RetentionPolicy
from audit_app.services.reaper import reap
from chains_app.services.advance import runs_sweep
from orders_app.models import Action, Hold, Order
from orders_app.services.releases import holds_sweep
from rules_app.models import GateRow, Rule
from tests.orders_app.test_names import NFC, NFD
from tests.world import CLOSED_HOURS, SCOPE, Shop, order, publish_rules, tag


def renamed(shop: Shop, **more: Any) -> None:
    """An order as it was stored while decomposed names were taken."""
    shop.dispatch(
        order(id="old", dedup_key="old", payload={"order_id": NFC, **more.pop("payload", {})}), **more
    )
    stored = Action.objects.get()
    stored.body["payload"]["order_id"] = NFD
    stored.save()
    Order.objects.update(fingerprint=NFD)
    Hold.objects.update(context={"caller_id": "c", "auth_method": "api_key", "request_id": "r"})


def test_an_order_with_a_name_from_before_is_not_placed_again(shop: Shop) -> None:
    renamed(shop)
    assert shop.dispatch(order(payload={"order_id": NFC})).json() == "Deduplicated"
    assert shop.dispatch(order(fingerprint=NFC)).json() == "Deduplicated"
    assert Order.objects.count() == 1


def test_it_is_found_moved_and_cancelled_under_either_form(shop: Shop) -> None:
    renamed(shop)
    for name in (NFC, NFD):
        assert shop.scoped(f"/v1/events/{name}")["fingerprint"] == NFD
    assert shop.put(f"/v1/events/{NFC}/transition", {**SCOPE, "to": "confirmed"}).status_code == 200
    assert shop.put(f"/v1/events/{NFD}/transition", {**SCOPE, "to": "shipped"}).status_code == 200
    assert shop.scoped("/v1/events/Cafe-1")["code"] == "NOT_FOUND"


def test_held_under_a_name_from_before_it_has_its_answer_and_is_released(shop: Shop) -> None:
    Rule.objects.filter(name="schedule-after-hours").update(priority=0)
    publish_rules()
    renamed(shop, now=CLOSED_HOURS)
    assert tag(shop.dispatch(order(payload={"order_id": NFC}), now=CLOSED_HOURS).json()) == "Scheduled"
    Rule.objects.filter(name="schedule-after-hours").update(enabled=False)
    publish_rules()
    Hold.objects.update(due_at=db_now(), next_run_at=db_now())
    holds_sweep()
    runs_sweep()
    assert [(row.fingerprint, row.status) for row in Order.objects.all()] == [(NFD, "completed")]


def test_reaped_it_is_still_known(shop: Shop) -> None:
    renamed(shop)
    runs_sweep()
    Order.objects.update(finished_at=F("created_at") - timedelta(days=900))
    GateRow.objects.all().delete()
    RetentionPolicy.objects.create(**SCOPE, event_ttl_seconds=1)
    reap()
    assert not Order.objects.exists()
    assert shop.dispatch(order(payload={"order_id": NFC})).json() == "Deduplicated"
