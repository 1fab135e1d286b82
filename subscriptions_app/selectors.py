"""Questions about subscriptions, and whether there are any."""

from __future__ import annotations

from django.db.models import QuerySet

from acteon_site.base import config_versions
from subscriptions_app.models import Delivery, Subscription
from subscriptions_app.states import DeliveryStatus

_any = config_versions.ConfigCache(
    config_versions.SUBSCRIPTIONS, lambda: Subscription.objects.filter(enabled=True).exists()
)


def has_subscribers() -> bool:
    """Whether anybody is to be told of events; at most half a second old, and asks nothing of its own."""
    return _any.get()


def switched_off() -> QuerySet[Subscription]:
    """Those that nobody switched off by hand."""
    return Subscription.objects.filter(enabled=False, disabled_reason__in=("failing", "gone"))


def failing() -> QuerySet[Subscription]:
    return Subscription.objects.filter(enabled=True, failing_since__isnull=False)


def due() -> QuerySet[Delivery]:
    """To be sent now or later, of subscriptions that are on."""
    return Delivery.objects.filter(
        subscription__enabled=True, due_at__isnull=False, status=DeliveryStatus.PENDING
    )
