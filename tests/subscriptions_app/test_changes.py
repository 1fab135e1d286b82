"""Subscriptions that are changed, switched and replayed while things happen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit_app.models import RetentionPolicy
from audit_app.services.reaper import reap
from subscriptions_app.models import Delivery
from subscriptions_app.services.heads import stuck
from subscriptions_app.services.subscriptions import subscription_switch
from tests.chains_app.peer import Peer
from tests.subscriptions_app.receiving import WHO, fan_out, happen, sent, subscribe, types_of
from tests.world import NAMESPACE, TENANT

pytestmark = pytest.mark.django_db


def test_who_stands_behind_what_retention_removes_is_sent_once_the_subscription_is_on_again(
    peer: Peer,
) -> None:
    row = subscribe(peer)
    happen("a")
    happen("a", type_="action_status_changed")
    fan_out()
    subscription_switch(subscription=row, on=False, source=WHO)
    oldest = Delivery.objects.order_by("event_number")[0]
    Delivery.objects.filter(pk=oldest.pk).update(event_at=timezone.now() - timedelta(days=10))
    RetentionPolicy.objects.create(namespace=NAMESPACE, tenant=TENANT, event_ttl_seconds=86_400)
    reap()
    assert Delivery.objects.count() == 1
    assert not stuck().exists()
    subscription_switch(subscription=row, on=True, source=WHO)
    sent()
    assert types_of(peer.said) == ["action_status_changed"]
