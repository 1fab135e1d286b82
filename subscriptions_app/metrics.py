"""How subscriptions do: gauges of now, read from the database."""

from __future__ import annotations

from django.db.models import OuterRef, Q, Subquery

from acteon_site.base.clock import db_now
from audit_app.models import RelayHead
from subscriptions_app.models import Delivery, FanOutHead, Subscription
from subscriptions_app.selectors import due, failing, has_subscribers, switched_off

MOST = 10_000


def deliveries() -> dict[str, float]:
    """What waits for its next attempt is not due before it."""
    return {
        "subscription_deliveries_due": due().filter(due_at__lte=db_now())[:MOST].count(),
        "subscription_oldest_due_seconds": oldest_due_seconds() or 0,
        "subscription_events_behind": events_behind(),
        "subscriptions_failing": failing().count(),
        "subscriptions_switched_off": switched_off().count(),
    }


def oldest_due_seconds() -> float | None:
    """For how long what waits longest is due; None where nothing is. Who asked for a pause is not waited for."""
    now = db_now()
    first = Delivery.objects.filter(subscription=OuterRef("pk"), due_at__isnull=False).order_by("due_at")
    called = Subscription.objects.filter(Q(paused_until=None) | Q(paused_until__lte=now), enabled=True)
    begins = called.annotate(first=Subquery(first.values("due_at")[:1])).values_list("first", flat=True)
    due_since = min((begin for begin in begins if begin is not None), default=now)
    return (now - due_since).total_seconds() if due_since < now else None


def events_behind() -> int:
    """Numbered events that nobody has looked at yet; none where nobody has subscribed."""
    head = FanOutHead.objects.filter(pk=1).values_list("event_number", flat=True).first()
    relayed = RelayHead.objects.filter(pk=1).values_list("event_number", flat=True).first()
    return max(0, (relayed or 0) - head) if head is not None and has_subscribers() else 0
