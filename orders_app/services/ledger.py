"""The ledger of an order: what was charged, what was given back, and what is reserved for refunds on their way.

The sum of refunds that were paid, wait, are under way or in doubt never exceeds the charge. Each change happens under
the lock of the order's row, and the database checks the sum once more (`refunds_within_charge`). Of a refund and the
order that it refunds, the refund's row is locked first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from acteon_site.base.errors import AppError, conflict
from acteon_site.base.money import money
from chains_app.listeners import Ended
from chains_app.models import Run
from orders_app.models import Order
from orders_app.selectors import lifecycle_of
from orders_app.services.charges import Charged, Effect, charge_effect, charged_of, refund_effect
from orders_app.states import RefundState

# Of the order that is refunded; of the refund itself.
LEDGER_FIELDS = ["charged", "currency", "refunded", "reserved"]
REFUND_FIELDS = ["refund_of_id", "refund_amount", "refund_state"]


def charge_note(order: Order, end: Ended) -> None:
    """The order's run has ended: note in memory what it charged. What refunds were taken from stands as it is."""
    charges = lifecycle_of(order).charges
    if charges is None or order.refunded or order.reserved:
        return
    payload = end.run.origin["payload"]
    effect = charge_effect(end.run, end.steps, charges.step, doubt=end.in_doubt)
    amount = charges.amount_in(payload) if effect is Effect.STANDS else 0
    order.charged = None if effect is Effect.DOUBT else amount
    order.currency = charges.currency_in(payload)


def refund_outcome(refund: Order, end: Ended) -> RefundState:
    """What the run of a refund came to; reserved where nobody knows."""
    refunds = lifecycle_of(refund).refunds
    effect = refund_effect(end.run, end.steps, refunds.step if refunds else "", doubt=end.in_doubt)
    states = {Effect.STANDS: RefundState.PAID, Effect.NONE: RefundState.RELEASED}
    return states.get(effect, RefundState.RESERVED)


def reservation_settle(order: Order, refund: Order, state: RefundState) -> None:
    """A reservation became a payment, or is for others again; in memory, both rows locked."""
    amount = refund.refund_amount or 0
    if refund.refund_state != RefundState.RESERVED or state == RefundState.RESERVED:
        return
    order.reserved -= amount
    if state == RefundState.PAID:
        order.refunded += amount
    refund.refund_state = state


def refund_release(refund_id: UUID) -> None:
    """A refund that waited will not come: its reservation is for others again. Its row is locked."""
    waiting = Order.objects.filter(pk=refund_id, refund_state=RefundState.RESERVED)
    for order_id, amount in list(waiting.values_list("refund_of_id", "refund_amount")):
        waiting.update(refund_state=RefundState.RELEASED)
        Order.objects.filter(pk=order_id).update(reserved=F("reserved") - amount)


def refund_retake(refund_id: UUID) -> None:
    """A refund that had failed goes on: reserve for it anew, its row locked. Raises 409 where too little is left."""
    refund = Order.objects.only("refund_of_id", "refund_amount", "refund_state").get(pk=refund_id)
    if refund.refund_state != RefundState.RELEASED:
        return
    of = refund.refund_of_id
    order = Order.objects.select_for_update().filter(pk=of).first() if of else None
    amount = refund.refund_amount or 0
    charged = charged_of(order) if order else Charged(problem="its order is gone")
    if order is None or charged.problem:
        raise over_rest(charged.problem)
    if amount > left_of(order, charged):
        raise over_rest(
            f"only {money(left_of(order, charged), charged.currency)} of the order are left to refund"
        )
    Order.objects.filter(pk=order.pk).update(
        charged=charged.amount, currency=charged.currency, reserved=F("reserved") + amount
    )
    Order.objects.filter(pk=refund_id).update(refund_state=RefundState.RESERVED)


def refund_would_repeat(refund: Order, run: Run) -> bool:
    """Whether its ended run, going on, would pay once more what a person has found to be paid."""
    if refund.refund_state != RefundState.PAID:
        return False
    refunds = lifecycle_of(refund).refunds
    step = refunds.step if refunds else ""
    return refund_effect(run, run.steps.all(), step, doubt=False) is not Effect.STANDS


def over_rest(why: str) -> AppError:
    return conflict(f"this refund cannot go on: {why}", "REFUND_OVER_REST")


def left_of(order: Order, charged: Charged) -> int:
    return charged.amount - order.refunded - order.reserved


def ledger_facts(order: Order, charged: Charged, now: datetime) -> dict[str, Any]:
    """What rules about a refund see of its order, by their paths."""
    age = now - order.created_at
    facts = {
        "charged_cents": charged.amount,
        "refunded_cents": order.refunded,
        "in_doubt_cents": order.reserved,
        "left_cents": left_of(order, charged),
        "currency": charged.currency or None,
        "state": order.state,
        "status": str(order.status),
        "age_hours": int(age.total_seconds() // 3600),
        "age_days": age.days,
    }
    return {f"order.{name}": value for name, value in facts.items() if value is not None}
