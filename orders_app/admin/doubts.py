"""The buttons of an order that was given up while nobody knew whether a call of it took effect."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from acteon_site.admin.buttons import REASON, Button, ButtonResult, actor_of, reason_of, source_of
from chains_app.services.resuming import DONE, NOT_DONE
from orders_app.models import Order
from orders_app.services.doubts import order_doubts, order_settle
from orders_app.states import OrderStatus

TOOK, TOOK_NOT = "took_effect", "took_no_effect"


def doubt_buttons(order: Order, url: Any) -> list[Button]:
    """Two for each step in doubt. `url` gives that of a button by its name."""
    return [button for doubt in order_doubts(order) for button in _of_step(order, doubt.step.name, url)]


def _of_step(order: Order, step: str, url: Any) -> list[Button]:
    asked = f"Nobody knows whether {step} took effect. Did you look it up at the provider? "
    return [
        Button(
            f"{step} took effect",
            url(TOOK, order.pk),
            f"{asked}Then it is undone, where the chain says how; what cannot be undone stands.",
            "Yes, it took effect",
            to=step,
            reason=REASON,
        ),
        Button(
            f"{step} did not",
            url(TOOK_NOT, order.pk),
            f"{asked}Then nothing of it stands in the way of placing the order anew.",
            "Yes, it took no effect",
            "bad",
            to=step,
            reason=REASON,
        ),
    ]


def doubt_press(request: HttpRequest, order: Order, name: str) -> ButtonResult:
    """Raises AppError where it cannot be done."""
    settled = order_settle(
        namespace=order.namespace,
        tenant=order.tenant,
        fingerprint=order.fingerprint,
        outcome=DONE if name == TOOK else NOT_DONE,
        step=request.POST.get("to", ""),
        actor=actor_of(request),
        source=source_of(request),
        reason=reason_of(request),
    )
    if settled.status == OrderStatus.PROCESSING:
        return ButtonResult("Noted. What took effect is being undone; then the order is as it was.")
    if settled.living:
        return ButtonResult("Noted. What took effect stands.")
    return ButtonResult("Noted. Nothing of the order stands; it may be placed anew.")
