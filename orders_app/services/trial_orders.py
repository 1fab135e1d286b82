"""The orders of actions that came to a rule in shadow, or for a share of orders. Listed in parts.py."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.urls import reverse

from orders_app.models import Order
from rules_app.services.trial_reports import OrderSeen


def orders_of_actions(actions: Sequence[UUID]) -> dict[UUID, OrderSeen]:
    """By the key of the action that placed them, by one query."""
    if not actions:
        return {}
    rows = Order.objects.filter(action__in=actions).values_list("action_id", "pk", "fingerprint", "status")
    return {action: OrderSeen(name, _page(pk), status) for action, pk, name, status in rows}


def _page(pk: UUID) -> str:
    return reverse("admin:orders_app_order_change", args=[pk])
