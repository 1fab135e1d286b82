"""The money of an order on its page: charged, refunded, in doubt, left, and the buttons that give it back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse

from acteon_site.admin.buttons import (
    REASON,
    Button,
    ButtonResult,
    actor_of,
    amount_text,
    reason_of,
    source_of,
)
from acteon_site.admin.scoped import caller_of
from acteon_site.base.errors import AppError, conflict
from acteon_site.base.ids import new_id
from acteon_site.base.money import DECIMALS, money
from orders_app.contract.outcomes import Outcome
from orders_app.models import Order
from orders_app.services.refunding import (
    Ledger,
    amount_typed,
    ledger_of,
    reasons_for,
    refund_lifecycle,
    refund_request,
    refund_settle,
)
from orders_app.states import WAITING, OrderStatus, RefundState

REFUND, PAID, UNPAID = "refund", "paid", "unpaid"
COLORS = {RefundState.PAID: "success", RefundState.RESERVED: "warning", RefundState.RELEASED: ""}
WORDS = {RefundState.PAID: "refunded", RefundState.RELEASED: "not paid"}


def ledger_context(request: HttpRequest, order: Order | None) -> dict[str, Any]:
    """What the card shows: of an order its own ledger, of a refund that of the order that it refunds."""
    of = order.refund_of if order is not None and order.refund_state else None
    of = of if of is None or covers(request, of) else None
    whose = of or order
    ledger = ledger_of(whose, caller_of(request)) if whose is not None else None
    if whose is None or ledger is None:
        return {}
    return {
        "ledger": _shown(ledger),
        "ledger_of": {"name": of.fingerprint, "url": url_of(of)} if of else None,
        "ledger_refund": order,
    }


def _shown(ledger: Ledger) -> dict[str, Any]:
    currency = ledger.charged.currency
    amounts = (ledger.charged.amount, ledger.refunded, ledger.reserved, ledger.left)
    names = ("charged", "refunded", "in_doubt", "left")
    return {
        **dict(zip(names, (money(amount, currency) for amount in amounts), strict=True)),
        "problem": ledger.charged.problem,
        "refunds": [
            {
                "name": refund.fingerprint,
                "url": url_of(refund),
                "amount": money(refund.refund_amount, currency),
                "words": _words(refund),
                "label": COLORS[RefundState(refund.refund_state)],
                "at": refund.created_at,
            }
            for refund in ledger.refunds
        ],
    }


def _words(refund: Order) -> str:
    if words := WORDS.get(RefundState(refund.refund_state)):
        return words
    if refund.status in WAITING:
        return "waits"
    return "under way" if refund.status == OrderStatus.PROCESSING else "in doubt"


def covers(request: HttpRequest, order: Order) -> bool:
    return caller_of(request).covers(order.namespace, order.tenant)


def url_of(order: Order) -> str:
    return reverse("admin:orders_app_order_change", args=[order.pk])


def ledger_buttons(order: Order, url: Any) -> list[Button]:
    """`url` gives that of a button by its name."""
    if order.refund_state:
        return _settling(order, url)
    spec, ledger = refund_lifecycle(order), ledger_of(order)
    if spec is None or ledger is None or not ledger.open:
        return []
    left = money(ledger.left, ledger.charged.currency)
    question = f"Refund {order.fingerprint}? {left} are left. The rules decide, as for any other refund."
    reasons = reasons_for(spec)
    unit = f" in {ledger.charged.currency}" if ledger.charged.currency else ""
    # A name for this very page: pressing twice, or again after going back, refunds once.
    return [
        Button(
            "Refund",
            url(REFUND, order.pk),
            question,
            "Yes, refund it",
            to=f"RF-{new_id().hex}",
            amount=f"Amount{unit}, at most {left}",
            reason="Reason" if reasons else REASON,
            reasons=reasons,
            required=bool(reasons),
        )
    ]


def _settling(order: Order, url: Any) -> list[Button]:
    on_its_way = order.status in WAITING or order.status == OrderStatus.PROCESSING
    if order.refund_state != RefundState.RESERVED or on_its_way:
        return []
    asked = "Did you look it up at the payment provider? "
    return [
        Button(
            "It was paid",
            url(PAID, order.pk),
            f"{asked}Then it counts as refunded.",
            "Yes, it was paid",
            reason=REASON,
        ),
        Button(
            "It was not paid",
            url(UNPAID, order.pk),
            f"{asked}Then the amount is left to refund again.",
            "Yes, it was not paid",
            "bad",
            reason=REASON,
        ),
    ]


def ledger_press(request: HttpRequest, order: Order, name: str) -> ButtonResult:
    """Raises AppError where it cannot be done."""
    if name == REFUND:
        return _refund(request, order)
    refund_settle(
        namespace=order.namespace,
        tenant=order.tenant,
        fingerprint=order.fingerprint,
        paid=name == PAID,
        actor=actor_of(request),
        source=source_of(request),
        reason=reason_of(request),
    )
    if name == PAID:
        return ButtonResult("The refund counts as paid.")
    return ButtonResult("The refund counts as not paid; its amount is left to refund.")


def _refund(request: HttpRequest, order: Order) -> ButtonResult:
    ledger = ledger_of(order)
    if ledger is None:
        raise conflict("orders of its kind charge nothing that could be refunded", "NO_REFUNDS")
    name = request.POST.get("to", "")
    if not name.startswith("RF-") or len(name) > 64:
        raise conflict("this page is too old; load it again", "NO_NAME")
    amount = amount_typed(amount_text(request), DECIMALS.get(ledger.charged.currency, 0))
    outcome = refund_request(
        order=order,
        amount=amount,
        name=name,
        reason=reason_of(request),
        caller=caller_of(request),
        request_id=getattr(request, "request_id", ""),
    )
    return _told(outcome)


def _told(outcome: Outcome) -> ButtonResult:
    """No amount stands in it: messages travel in a cookie."""
    refused = {
        "Suppressed": f"Rule {outcome.content.get('rule')} does not allow this refund.",
        "Throttled": "Too many refunds at this moment; try again in a minute.",
        "QuotaExceeded": "The shop's quota is used up.",
        "CircuitOpen": "The payment provider is away at present; try again later.",
    }
    if outcome.tag == "Failed":
        raise AppError("less is left than that, or the order cannot be refunded now", "REFUND_FAILED", 409)
    if outcome.tag in refused:
        return ButtonResult(refused[outcome.tag], messages.WARNING)
    said = {
        "PendingApproval": "The refund waits for an approval.",
        "Scheduled": "The refund waits for its time.",
        "Deduplicated": "This refund was taken already.",
    }
    return ButtonResult(said.get(outcome.tag, "The refund is under way."))
