"""Retention really deletes, in batches, and touches nothing that is in force."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from audit_app.models import AuditRecord, RetentionPolicy
from audit_app.services.reaper import reap
from audit_app.services.relay import relay
from chains_app.models import Run
from chains_app.services.advance import runs_sweep
from orders_app.models import Action, Hold, Move, Order
from rules_app.models import GateRow
from tests.orders_app.test_races import without
from tests.world import CLOSED_HOURS, NAMESPACE, SCOPE, TENANT, Shop, order, tag

LONG_AGO = timezone.now() - timedelta(days=100)


def keep(**ttls: Any) -> RetentionPolicy:
    return RetentionPolicy.objects.create(namespace=NAMESPACE, tenant=TENANT, **ttls)


def age_everything() -> None:
    AuditRecord.objects.update(dispatched_at=LONG_AGO, completed_at=LONG_AGO)
    Action.objects.update(received_at=LONG_AGO)
    Order.objects.filter(finished_at__isnull=False).update(finished_at=LONG_AGO)
    Run.objects.filter(ended_at__isnull=False).update(ended_at=LONG_AGO)
    Hold.objects.filter(ended_at__isnull=False).update(ended_at=LONG_AGO)


def deliver(shop: Shop, name: str) -> None:
    shop.place(payload={"order_id": name})
    runs_sweep()
    for state in ("confirmed", "shipped", "delivered"):
        assert shop.put(f"/v1/events/{name}/transition", {"to": state, **SCOPE}).status_code == 200


def test_a_delivered_order_is_deleted_after_its_time_and_its_name_still_answers_deduplicated(
    shop: Shop,
) -> None:
    deliver(shop, "one")
    keep(event_ttl_seconds=259_200)
    reap()
    assert Order.objects.count() == 1  # delivered a moment ago
    age_everything()
    reap()
    assert Order.objects.count() == Move.objects.count() == 0
    again = shop.dispatch(order(payload={"order_id": "one"}))
    assert again.json() == "Deduplicated"
    assert again.headers["X-Dedup-Reason"] == "living_order"


def test_an_order_under_way_a_hold_and_a_schedule_are_kept_however_old(shop: Shop) -> None:
    shop.place(payload={"order_id": "processing"})
    shop.place(payload={"order_id": "held", "total_cents": 60_000})
    shop.place(payload={"order_id": "scheduled"}, now=CLOSED_HOURS)
    keep(event_ttl_seconds=1, state_ttl_seconds=1, audit_ttl_seconds=1)
    age_everything()
    Order.objects.update(created_at=LONG_AGO, updated_at=LONG_AGO)
    reap()
    assert Order.objects.count() == 3
    assert Hold.objects.count() == 2
    assert Run.objects.filter(kind="chain").count() == 1
    assert Action.objects.count() == 3


def test_the_original_of_a_bare_action_is_kept_while_its_run_is_under_way(shop: Shop) -> None:
    without("deny-unmatched")
    assert tag(shop.place(action_type="ping", provider="warehouse")) == "Executed"
    run = Run.objects.get(owner_kind="action")
    Run.objects.filter(pk=run.pk).update(status="waiting_signal", ended_at=None)
    keep(audit_ttl_seconds=1)
    age_everything()
    reap()
    assert Action.objects.count() == 1
    Run.objects.filter(pk=run.pk).update(status="completed", ended_at=LONG_AGO)
    reap()
    assert not Action.objects.exists()


def test_state_ttl_deletes_ended_runs_and_audit_ttl_rows_and_originals(shop: Shop) -> None:
    deliver(shop, "one")
    shop.place(payload={"shipping_country": "SY"})
    relay()
    keep(event_ttl_seconds=1, state_ttl_seconds=1, audit_ttl_seconds=1)
    age_everything()
    reap()
    reap()
    assert not Run.objects.exists()
    assert not AuditRecord.objects.exists()
    assert not Action.objects.exists()


def test_a_compliance_hold_keeps_everything(shop: Shop) -> None:
    deliver(shop, "one")
    relay()
    keep(event_ttl_seconds=1, state_ttl_seconds=1, audit_ttl_seconds=1, compliance_hold=True)
    age_everything()
    before = AuditRecord.objects.count()
    reap()
    assert (Order.objects.count(), Run.objects.count(), AuditRecord.objects.count()) == (1, 1, before)


def test_expired_gate_rows_go_and_live_ones_stay(shop: Shop) -> None:
    shop.place(dedup_key="live")
    live = GateRow.objects.filter(expires_at__gt=timezone.now()).count()
    GateRow.objects.create(key="dedup:old", data={}, expires_at=LONG_AGO)
    reap()
    assert GateRow.objects.count() == live
    assert shop.dispatch(order(dedup_key="live")).json() == "Deduplicated"


def test_another_tenants_policy_reaps_nothing_here(shop: Shop) -> None:
    deliver(shop, "one")
    RetentionPolicy.objects.create(namespace=NAMESPACE, tenant="other-store", event_ttl_seconds=1)
    age_everything()
    reap()
    assert Order.objects.count() == 1
    assert tag(shop.place()) == "Executed"
