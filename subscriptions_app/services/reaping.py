"""Which deliveries retention removes, and which nothing may remove."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce

from audit_app.models import RetentionPolicy
from audit_app.services.legal_holds import held_of
from subscriptions_app.models import Delivery, Subscription
from subscriptions_app.services.heads import Line, heads_wake, subscriptions_lock


def reap_deliveries(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """event_ttl: what ended before it, and of a subscription that is off what happened before it."""
    if policy.event_ttl_seconds is None:
        return 0
    cutoff = now - timedelta(seconds=policy.event_ttl_seconds)
    owners = Subscription.objects.filter(namespace=policy.namespace, tenant=policy.tenant)
    found = dict(owners.values_list("pk", "enabled"))
    # Before any delivery, as whoever ends one does.
    off = [pk for pk, row in subscriptions_lock(_off(found)).items() if not row.enabled]
    rows = Delivery.objects.select_for_update(skip_locked=True, of=("self",))
    held = held_of(policy.namespace, policy.tenant)
    rows = rows.exclude(order_key__in=[f"action:{action}" for action in held.actions])
    # Each goes along its index from the oldest on.
    ended = rows.filter(subscription__in=list(found), ended_at__lt=cutoff)
    ended = ended.exclude(held.alive("event_at", "ended_at")).order_by("subscription", "ended_at")
    ids = list(ended.values_list("pk", flat=True)[:batch])
    lines: set[Line] = set()
    if off and len(ids) < batch:
        never = rows.filter(subscription__in=off, event_at__lt=cutoff, ended_at=None)
        # What waits is there until now.
        never = never.alias(now=Value(now)).exclude(held.alive("event_at", "now"))
        oldest = never.order_by("subscription", "event_at").only("pk", "subscription_id", "order_key")
        waiting = list(oldest[: batch - len(ids)])
        ids += [row.pk for row in waiting]
        lines = {(row.subscription_id, row.order_key) for row in waiting}
    Delivery.objects.filter(pk__in=ids).delete()
    heads_wake(lines, now)  # for once it is switched on again: who stood behind one of these is the first now
    return len(ids)


def deliveries_held(row: Subscription, now: datetime) -> QuerySet[Delivery]:
    """Those that a legal hold, or the tenant's policy, keeps from being deleted. What waits is there until now."""
    rows = Delivery.objects.filter(subscription=row)
    policies = RetentionPolicy.objects.filter(namespace=row.namespace, tenant=row.tenant)
    held = held_of(row.namespace, row.tenant)
    if held.everything or policies.filter(enabled=True, compliance_hold=True).exists():
        return rows
    of_orders = Q(order_key__in=[f"action:{action}" for action in held.actions])
    return rows.alias(until=Coalesce("ended_at", Value(now))).filter(
        of_orders | held.alive("event_at", "until")
    )


def _off(found: Mapping[UUID, bool]) -> list[UUID]:
    return [key for key, enabled in found.items() if not enabled]
