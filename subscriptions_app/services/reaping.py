"""Which deliveries retention removes."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from audit_app.models import RetentionPolicy
from audit_app.services.legal_holds import held_of
from subscriptions_app.models import Delivery, Subscription


def reap_deliveries(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """event_ttl: what ended before it, and of a subscription that is off what happened before it."""
    if policy.event_ttl_seconds is None:
        return 0
    cutoff = now - timedelta(seconds=policy.event_ttl_seconds)
    owners = Subscription.objects.filter(namespace=policy.namespace, tenant=policy.tenant)
    found = dict(owners.values_list("pk", "enabled"))
    off = [key for key, enabled in found.items() if not enabled]
    old = Q(subscription__in=list(found), ended_at__lt=cutoff) | Q(subscription__in=off, event_at__lt=cutoff)
    rows = Delivery.objects.select_for_update(skip_locked=True, of=("self",)).filter(old)
    held = [f"action:{action}" for action in held_of(policy.namespace, policy.tenant).actions]
    ids = list(rows.exclude(order_key__in=held).values_list("pk", flat=True)[:batch])
    Delivery.objects.filter(pk__in=ids).delete()
    return len(ids)
