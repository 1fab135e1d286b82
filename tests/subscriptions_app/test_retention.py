"""Which deliveries retention removes, and which a legal hold keeps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from acteon_site.base.errors import AppError
from audit_app.models import LegalHold, RetentionPolicy
from audit_app.services.reaper import reap
from subscriptions_app.models import Delivery
from subscriptions_app.services.subscriptions import subscription_delete, subscription_switch
from tests.chains_app.peer import Peer
from tests.subscriptions_app.receiving import WHO, fan_out, happen, sent, subscribe
from tests.world import NAMESPACE, TENANT

pytestmark = pytest.mark.django_db


def test_retention_removes_what_ended_and_leaves_what_is_held(peer: Peer) -> None:
    subscribe(peer)
    happen("a", "kept")
    sent()
    happen("waits")
    fan_out()
    long_ago = timezone.now() - timedelta(days=10)
    Delivery.objects.filter(status="delivered").update(ended_at=long_ago)
    RetentionPolicy.objects.create(namespace=NAMESPACE, tenant=TENANT, event_ttl_seconds=86_400)
    hold = LegalHold.objects.create(
        namespace=NAMESPACE, tenant=TENANT, reason="a matter", placed_by="auditor"
    )
    reap()
    assert Delivery.objects.count() == 3
    hold.delete()
    reap()
    assert list(Delivery.objects.values_list("order_key", flat=True)) == ["action:waits"]


def test_retention_leaves_what_was_there_in_a_time_that_is_held(peer: Peer) -> None:
    """Whether it ended or waits for its subscription to be on again; the rest goes once the hold is lifted."""
    subscription, now = subscribe(peer), timezone.now()
    ages = {"before": (20, 19), "into": (19, 12), "within": (12, 11), "out of": (11, 8), "after": (8, 7)}
    happen(*ages)
    sent()
    for name, (begun, ended) in ages.items():
        rows = Delivery.objects.filter(order_key=f"action:{name}")
        rows.update(event_at=now - timedelta(days=begun), ended_at=now - timedelta(days=ended))
    happen("waits since before", "waits since after")
    fan_out()
    for name, begun in (("before", 20), ("after", 8)):
        rows = Delivery.objects.filter(order_key=f"action:waits since {name}")
        rows.update(event_at=now - timedelta(days=begun))
    subscription_switch(subscription=subscription, on=False, source=WHO)
    RetentionPolicy.objects.create(namespace=NAMESPACE, tenant=TENANT, event_ttl_seconds=86_400)
    hold = LegalHold.objects.create(
        namespace=NAMESPACE,
        tenant=TENANT,
        held_from=now - timedelta(days=14),
        held_until=now - timedelta(days=10),
        reason="a matter",
        placed_by="auditor",
    )
    reap()
    left = set(Delivery.objects.values_list("order_key", flat=True))
    assert left == {"action:into", "action:within", "action:out of", "action:waits since before"}
    hold.delete()
    reap()
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("of", ["all", "the order", "its time", "another order", "a time before it"])
def test_a_subscription_stays_while_a_legal_hold_keeps_what_it_was_sent(peer: Peer, of: str) -> None:
    subscription, now = subscribe(peer), timezone.now()
    happen("a")
    sent()
    happen("waits")
    fan_out()
    narrowed: dict[str, dict[str, Any]] = {
        "the order": {"order_name": "a"},
        "its time": {"held_from": now - timedelta(hours=1)},
        "another order": {"order_name": "b"},
        "a time before it": {"held_until": now - timedelta(hours=1)},
    }
    scope = {"namespace": NAMESPACE, "tenant": TENANT}
    hold = LegalHold.objects.create(**scope, reason="a matter", placed_by="auditor", **narrowed.get(of, {}))
    if of in ("all", "the order", "its time"):
        with pytest.raises(AppError, match="switch it off, and delete it after the hold"):
            subscription_delete(subscription=subscription, source=WHO)
        assert Delivery.objects.count() == 2
        hold.delete()
    subscription_delete(subscription=subscription, source=WHO)
    assert not Delivery.objects.exists()


def test_a_subscription_stays_while_its_tenants_policy_holds_everything(peer: Peer) -> None:
    subscription = subscribe(peer)
    happen("a")
    sent()
    scope = {"namespace": NAMESPACE, "tenant": TENANT}
    policy = RetentionPolicy.objects.create(**scope, compliance_hold=True)
    with pytest.raises(AppError, match="compliance hold keeps"):
        subscription_delete(subscription=subscription, source=WHO)
    policy.delete()
    subscription_delete(subscription=subscription, source=WHO)
