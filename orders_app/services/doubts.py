"""An order of which nobody knows whether a call of it took effect, although its run has ended; and who knows by now."""

from __future__ import annotations

from collections.abc import Sequence

from acteon_site.base.errors import conflict
from acteon_site.base.principals import SYSTEM, Principal
from acteon_site.base.source import Source
from chains_app.models import Run
from chains_app.services.inline import CANCEL_SECONDS, run_settle
from chains_app.services.settling import Doubt, doubt_settle, doubts_of
from orders_app.models import Order
from orders_app.services.transitions import order_named
from orders_app.states import OrderStatus

ENDED = (OrderStatus.FAILED, OrderStatus.CANCELLED)


def order_doubts(order: Order) -> Sequence[Doubt]:
    """Steps of its run, or of those below it; without a query where its status says that there are none."""
    if order.status not in ENDED or not order.living or order.refund_state or order.run_id is None:
        return ()
    run = Run.objects.filter(pk=order.run_id).first()
    return doubts_of(run) if run else ()


def order_settle(
    *,
    namespace: str,
    tenant: str,
    fingerprint: str,
    outcome: str,
    actor: str,
    source: Source,
    step: str = "",
    reason: str = "",
    caller: Principal = SYSTEM,
) -> Order:
    """`doubt_settle` of the order's run; what took effect is undone, which is waited for up to five seconds."""
    order = order_named(namespace, tenant, fingerprint, caller=caller)
    if order.run_id is None:
        raise conflict(f"the order is {order.status}: nothing of it is in doubt", "NOT_IN_DOUBT")
    found = {"outcome": outcome, "step": step, "reason": reason}
    doubt_settle(run_id=order.run_id, **found, actor=actor, source=source)
    run_settle(order.run_id, CANCEL_SECONDS)
    return Order.objects.get(pk=order.pk)
