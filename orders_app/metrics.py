"""What orders count: how many are held."""

from __future__ import annotations

from orders_app.models import Hold
from orders_app.states import HoldKind, HoldStatus


def holds() -> dict[str, int]:
    pending = Hold.objects.filter(status=HoldStatus.PENDING)
    return {
        "approvals_pending": pending.filter(kind=HoldKind.APPROVAL).count(),
        "schedules_pending": pending.exclude(kind=HoldKind.APPROVAL).count(),
    }
