"""Whether recurring actions are fired in time."""

from __future__ import annotations

from django.db.models import Min, Q

from acteon_site.base.clock import db_now
from orders_app.models import RecurringAction


def recurring_oldest_due_seconds() -> float | None:
    """For how long the one that waits longest is due; None where none is. Retries count from their occurrence."""
    now = db_now()
    due = RecurringAction.objects.filter(enabled=True, look_at__isnull=False, next_at__lte=now)
    oldest = due.aggregate(oldest=Min("next_at"))["oldest"]
    return None if oldest is None else (now - oldest).total_seconds()


def recurring_counts() -> dict[str, int]:
    rows = RecurringAction.objects.all()
    return {
        "recurring_active": rows.filter(enabled=True, next_at__isnull=False).count(),
        "recurring_paused": rows.filter(enabled=False).count(),
        "recurring_failing": rows.filter(~Q(problem=""), enabled=True).count(),
    }


def recurring_problems(most: int) -> list[RecurringAction]:
    """Those that could not be fired at their last try."""
    return list(RecurringAction.objects.filter(~Q(problem=""), enabled=True).order_by("next_at")[:most])
