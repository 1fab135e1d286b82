"""What orders count: how many are held, and for how long what is due has waited."""

from __future__ import annotations

from datetime import datetime

from django.db.models import DurationField, ExpressionWrapper, F, Min

from acteon_site.base.clock import db_now
from orders_app.models import ActionGroup, Hold, Order
from orders_app.services.recurring.overdue import recurring_counts, recurring_oldest_due_seconds
from orders_app.states import WAITING, HoldKind, HoldStatus, OrderStatus, RefundState

LAST_PART = 4  # a hold whose time left is less than this part of all it had


def holds() -> dict[str, float]:
    pending = Hold.objects.filter(status=HoldStatus.PENDING)
    return {
        "approvals_pending": pending.filter(kind=HoldKind.APPROVAL).count(),
        "schedules_pending": pending.exclude(kind=HoldKind.APPROVAL).count(),
        "approvals_expiring": approvals_expiring(),
        "holds_oldest_due_seconds": holds_oldest_due_seconds() or 0,
    }


def groups() -> dict[str, float]:
    """How many groups wait to be sent, how many of those cannot be, and for how long the one longest due has been."""
    open_ = ActionGroup.objects.filter(next_run_at__isnull=False)
    now: datetime = db_now()
    oldest = open_.filter(next_run_at__lte=now).aggregate(oldest=Min("next_run_at"))["oldest"]
    return {
        "groups_waiting": open_.count(),
        "groups_with_problem": open_.exclude(problem="").count(),
        "groups_oldest_due_seconds": (now - oldest).total_seconds() if oldest else 0,
    }


def recurring() -> dict[str, float]:
    return {**recurring_counts(), "recurring_oldest_due_seconds": recurring_oldest_due_seconds() or 0}


def approvals_expiring() -> int:
    """Pending approvals in the last quarter of their time, be that a minute or three days."""
    now = db_now()
    pending = Hold.objects.filter(kind=HoldKind.APPROVAL, status=HoldStatus.PENDING, due_at__gt=now)
    whole = ExpressionWrapper(F("due_at") - F("created_at"), output_field=DurationField())
    left = ExpressionWrapper((F("due_at") - now) * LAST_PART, output_field=DurationField())
    return pending.annotate(whole=whole, left=left).filter(left__lt=F("whole")).count()


def refunds_in_doubt() -> int:
    """Refunds whose run has ended and whose amount is reserved all the same: a person must settle them."""
    reserved = Order.objects.filter(refund_of__isnull=False, refund_state=RefundState.RESERVED)
    return reserved.exclude(status__in=(*WAITING, OrderStatus.PROCESSING)).count()


def holds_oldest_due_seconds() -> float | None:
    """For how long the hold that waits longest is due for its release or its end; None where none is."""
    now: datetime = db_now()
    oldest = Hold.objects.filter(next_run_at__lte=now).aggregate(oldest=Min("next_run_at"))["oldest"]
    return None if oldest is None else (now - oldest).total_seconds()
