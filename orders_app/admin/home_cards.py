"""What the admin's home page shows of orders that are held."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from acteon_site.admin.home import Card, Figures, Tile, bounded_count
from acteon_site.admin.scoped import narrowed
from acteon_site.admin.times import countdown
from acteon_site.base.principals import Principal
from orders_app.admin.approval_context import HIGH
from orders_app.admin.payloads import amount_of
from orders_app.models import Hold
from orders_app.states import HoldKind, HoldStatus

MOST_SHOWN = 6


def pending_approvals() -> QuerySet[Hold]:
    """Those that somebody can still decide."""
    pending = Hold.objects.filter(kind=HoldKind.APPROVAL, status=HoldStatus.PENDING, taken="")
    return pending.filter(due_at__gt=timezone.now())


def holds(reader: Principal) -> Figures:
    now = timezone.now()
    approvals = narrowed(pending_approvals(), reader).exclude(snoozed_until__gt=now).order_by("due_at")
    first = approvals.select_related("action", "order").defer("outcome", "context", "cleared", "passed")
    later = (HoldKind.SCHEDULE, HoldKind.TURN)
    waiting = narrowed(Hold.objects.filter(status=HoldStatus.PENDING, kind__in=later), reader)
    count = bounded_count(approvals)
    return {
        "approvals": [_approval(hold) for hold in first[:MOST_SHOWN]],
        "tiles": [
            Tile(
                count,
                "waiting for a decision",
                reverse("admin:orders_app_approval_changelist"),
                "ask" if count != "0" else "",
            ),
            Tile(
                bounded_count(waiting),
                "waiting for their time",
                reverse("admin:orders_app_waitingorder_changelist"),
            ),
        ],
    }


def _approval(hold: Hold) -> dict[str, Any]:
    return {
        "url": reverse("admin:orders_app_approval_change", args=[hold.pk]),
        "name": hold.order_name,
        "shop": hold.tenant,
        "amount": amount_of(hold),
        "rule": hold.rule,
        "whose": f"{hold.assigned_to}'s" if hold.assigned_to else "",
        "is_risky": hold.risk >= HIGH,
        "left": countdown(hold.due_at),
    }


CARDS = (
    Card("approvals", "orders_app.view_hold", "admin/orders_app/home/approvals.html", holds, "wide", 10),
)
