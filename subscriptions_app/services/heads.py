"""Of each order's deliveries the first is due, and the rest wait behind it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from subscriptions_app.models import Delivery, Subscription
from subscriptions_app.states import DeliveryStatus

# A subscription, and the key of one of its orders.
Line = tuple[UUID, str]
PENDING = DeliveryStatus.PENDING


def subscriptions_lock(ids: Collection[UUID]) -> dict[UUID, Subscription]:
    """Whoever adds deliveries to lines or takes them off holds this, or one of two would see the other's line as it was
    and leave nobody due."""
    rows = Subscription.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return {row.pk: row for row in rows}


def heads_wake(lines: Collection[Line], now: datetime) -> None:
    """Make the first of each line due, unless it is. The caller holds the lock of the subscriptions."""
    if lines:
        first_of_lines(lines).filter(due_at=None).update(due_at=now)


def first_of_lines(lines: Collection[Line]) -> QuerySet[Delivery]:
    """May hold the first of a further line: of each of these subscriptions any of these keys."""
    waiting = Delivery.objects.filter(
        status=PENDING,
        subscription_id__in={line[0] for line in lines},
        order_key__in={line[1] for line in lines},
    )
    return waiting.filter(~Exists(_earlier()))


def stuck() -> QuerySet[Delivery]:
    """What nothing stands before, and yet is not due: there is none, or a line has been lost."""
    return Delivery.objects.filter(status=PENDING, due_at=None).filter(~Exists(_earlier()))


def _earlier() -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        status=PENDING,
        subscription_id=OuterRef("subscription_id"),
        order_key=OuterRef("order_key"),
        event_number__lt=OuterRef("event_number"),
    )
