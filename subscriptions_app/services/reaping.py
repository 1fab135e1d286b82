"""Which deliveries retention removes."""

from __future__ import annotations

from datetime import datetime, timedelta

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
    rows = Delivery.objects.select_for_update(skip_locked=True, of=("self",))
    held = [f"action:{action}" for action in held_of(policy.namespace, policy.tenant).actions]
    rows = rows.exclude(order_key__in=held)
    # Each goes along its index from the oldest on.
    ended = rows.filter(subscription__in=list(found), ended_at__lt=cutoff).order_by(
        "subscription", "ended_at"
    )
    ids = list(ended.values_list("pk", flat=True)[:batch])
    if off and len(ids) < batch:
        never = rows.filter(subscription__in=off, event_at__lt=cutoff, ended_at=None)
        ids += list(
            never.order_by("subscription", "event_at").values_list("pk", flat=True)[: batch - len(ids)]
        )
    Delivery.objects.filter(pk__in=ids).delete()
    return len(ids)
