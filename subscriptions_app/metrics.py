"""How subscriptions do: gauges of now, read from the database."""

from __future__ import annotations

from acteon_site.base.clock import db_now
from audit_app.models import RelayHead
from subscriptions_app.models import FanOutHead
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
    """For how long what waits longest is due; None where nothing is."""
    now = db_now()
    first = due().filter(due_at__lte=now).order_by("due_at").values_list("due_at", flat=True).first()
    return None if first is None else max(0.0, (now - first).total_seconds())


def events_behind() -> int:
    """Numbered events that nobody has looked at yet; none where nobody has subscribed."""
    head = FanOutHead.objects.filter(pk=1).values_list("event_number", flat=True).first()
    relayed = RelayHead.objects.filter(pk=1).values_list("event_number", flat=True).first()
    return max(0, (relayed or 0) - head) if head is not None and has_subscribers() else 0
