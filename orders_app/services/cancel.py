"""Cancelling an order: at once while it waits, by way of its run while that is under way, else too late."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.errors import conflict
from acteon_site.base.principals import SYSTEM, Principal
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import Source
from chains_app.services.cancelling import run_cancel
from chains_app.services.inline import CANCEL_SECONDS, run_settle
from orders_app.models import Hold, Order
from orders_app.services.holds import hold_cancel
from orders_app.services.transitions import order_named
from orders_app.states import WAITING, HoldStatus, OrderStatus


def order_cancel(
    *,
    namespace: str,
    tenant: str,
    fingerprint: str,
    actor: str,
    source: Source,
    reason: str = "",
    caller: Principal = SYSTEM,
) -> Order:
    """Cancel the order of this name; one that is cancelled already is given as it is.

    A running one is cancelled once its run is, which is waited for up to five seconds. Raises 404, and 409 naming the
    status where it is too late.
    """
    order = order_named(namespace, tenant, fingerprint, caller=caller)
    if order.status in WAITING:
        _cancel_hold(order, actor, source, reason)
    elif order.status == OrderStatus.PROCESSING:
        run_settle(_cancel_run(order, actor, source, reason), CANCEL_SECONDS)
    elif order.status != OrderStatus.CANCELLED:
        raise conflict(f"the order is {order.status} and cannot be cancelled", "ORDER_NOT_CANCELLABLE")
    return Order.objects.get(pk=order.pk)


def _cancel_hold(order: Order, actor: str, source: Source, reason: str) -> None:
    hold = Hold.objects.filter(order=order, status=HoldStatus.PENDING).order_by("-created_at").first()
    if hold is None:
        raise conflict(
            f"the order is {order.status} and is being released; try again", "ORDER_NOT_CANCELLABLE"
        )
    hold_cancel(hold_id=hold.pk, actor=actor, source=source, reason=reason)


@retry_on_deadlock
def _cancel_run(order: Order, actor: str, source: Source, reason: str) -> UUID:
    with transaction.atomic():
        locked = Order.objects.select_for_update().get(pk=order.pk)
        if locked.run_id is None:
            raise conflict("the order has no run to cancel", "ORDER_NOT_CANCELLABLE")
        run_cancel(run_id=locked.run_id, actor=actor, source=source, reason=reason, now=db_now())
    return locked.run_id
