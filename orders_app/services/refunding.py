"""Refunds as people and pages deal with them: an order's ledger, asking for a refund, and settling one in doubt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError, conflict, invalid_field
from acteon_site.base.principals import SYSTEM, Principal
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import Source
from audit_app.services.journal import Journal
from orders_app.contract.outcomes import Outcome
from orders_app.lifecycles.charging import Refunds
from orders_app.lifecycles.spec import LifecycleSpec
from orders_app.models import Order
from orders_app.pipeline.dispatch import dispatch_many
from orders_app.pipeline.items import Submission
from orders_app.selectors import lifecycle_of, lifecycles_current
from orders_app.services.charges import Charged, charged_of
from orders_app.services.dedup_keys import dedup_keys_free
from orders_app.services.ledger import LEDGER_FIELDS, left_of, reservation_settle
from orders_app.services.transitions import order_named, subject_of
from orders_app.states import WAITING, OrderStatus, RefundState

MOST_REFUNDS = 100
# Commas stand before three digits only: many write 12,50 for twelve and a half, which must not become 1250.
TYPED = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?:\.([0-9]*))?")


@dataclass(frozen=True, slots=True)
class Ledger:
    """What an order has charged and given back, and its newest refunds. `charged.problem`: why none can be made."""

    charged: Charged
    refunded: int
    reserved: int
    left: int
    refunds: Sequence[Order]

    @property
    def open(self) -> bool:
        return not self.charged.problem and self.left > 0


def ledger_of(order: Order, caller: Principal = SYSTEM) -> Ledger | None:
    """None where orders of its kind charge nothing. Refunds that the caller may not see are left out of the list."""
    if lifecycle_of(order).charges is None:
        return None
    charged = charged_of(order)
    rows = Order.objects.filter(refund_of=order).filter(**caller.action_lookups())
    newest = list(rows.order_by("-id")[:MOST_REFUNDS])
    return Ledger(charged, order.refunded, order.reserved, max(left_of(order, charged), 0), newest)


def refund_lifecycle(order: Order) -> LifecycleSpec | None:
    """Of the actions that refund such an order: the one that claims its shop's most closely."""
    named = [spec for spec in lifecycles_current() if spec.refunds and spec.action_type != "*"]
    scored = [(spec.claims(order.namespace, order.tenant, spec.action_type), spec) for spec in named]
    return max(((score, spec) for score, spec in scored if score), key=lambda one: one[0], default=(0, None))[
        1
    ]


def reasons_for(spec: LifecycleSpec) -> tuple[str, ...]:
    """Those to choose from; empty where any text may say why."""
    return next((tuple(map(str, field.one_of)) for field in spec.fields if field.name == "reason"), ())


def refund_request(
    *, order: Order, amount: int, name: str, reason: str, caller: Principal, request_id: str
) -> Outcome:
    """Dispatch the refund, as a storefront would: rules, approvals and the ledger have their say.

    `name` is the refund's own, so that a repeat is known. Raises what a dispatch would answer with an error.
    """
    spec = refund_lifecycle(order)
    if spec is None or spec.refunds is None:
        raise conflict("no lifecycle of this shop refunds orders", "NO_REFUNDS")
    body = {
        "namespace": order.namespace,
        "tenant": order.tenant,
        "provider": order.provider,
        "action_type": spec.action_type,
        "id": name,
        "payload": _payload(spec, spec.refunds, order, amount, name, reason),
    }
    result = dispatch_many([body], Submission(caller, request_id, timezone.now())).results[0]
    if isinstance(result, AppError):
        raise result
    return result


def _payload(
    spec: LifecycleSpec, refunds: Refunds, order: Order, amount: int, name: str, reason: str
) -> Mapping[str, Any]:
    payload: dict[str, Any] = {refunds.of: order.fingerprint, refunds.amount: amount}
    if spec.fingerprint_field:
        payload[spec.fingerprint_field] = name
    if refunds.currency:
        payload[refunds.currency] = charged_of(order).currency or None
    return payload | ({"reason": reason} if reason else {})


def refund_settle(
    *,
    namespace: str,
    tenant: str,
    fingerprint: str,
    paid: bool,
    actor: str,
    source: Source,
    reason: str = "",
    caller: Principal = SYSTEM,
) -> Order:
    """What a person has found out about a refund in doubt whose run has ended: whether it was paid.

    Raises 404, and 409 where it is no refund, is not in doubt, or its run still goes on.
    """
    found = order_named(namespace, tenant, fingerprint, caller=caller)
    return _settle(found.pk, paid, actor, source, reason)


@retry_on_deadlock
def _settle(refund_id: UUID, paid: bool, actor: str, source: Source, reason: str) -> Order:
    with transaction.atomic():
        refund = Order.objects.select_for_update().get(pk=refund_id)
        if not refund.refund_state:
            raise conflict("this order is no refund", "NOT_A_REFUND")
        if refund.refund_state != RefundState.RESERVED:
            raise conflict(f"the refund is {refund.refund_state}: nobody doubts that", "NOT_IN_DOUBT")
        if refund.status in WAITING or refund.status == OrderStatus.PROCESSING:
            raise conflict(
                "the refund is on its way; its incident, if it has one, is settled there", "NOT_IN_DOUBT"
            )
        _write(refund, RefundState.PAID if paid else RefundState.RELEASED)
        _note(refund, actor, source, reason)
    return refund


def _write(refund: Order, state: RefundState) -> None:
    order = (
        Order.objects.select_for_update().filter(pk=refund.refund_of_id).first()
        if refund.refund_of_id
        else None
    )
    if order is None:
        refund.refund_state = state
    else:
        reservation_settle(order, refund, state)
        order.save(update_fields=LEDGER_FIELDS)
    refund.updated_at = db_now()
    if state == RefundState.RELEASED:
        # Nothing of it stands: it may be sent again, under its name and with its dedup key.
        refund.living, refund.finished_at = False, refund.updated_at
        dedup_keys_free([refund.action.body])
    refund.save(update_fields=["refund_state", "living", "updated_at", "finished_at"])


def _note(refund: Order, actor: str, source: Source, reason: str) -> None:
    journal = Journal(source)
    details = {"fingerprint": refund.fingerprint, "refund": refund.refund_state, "actor": actor}
    details |= {"reason": reason} if reason else {}
    journal.audit(
        subject_of(refund), outcome="state_changed", verdict="state_machine", outcome_details=details
    )
    journal.write()


def amount_typed(text: str, decimals: int) -> int:
    """Smallest units of what somebody types in the currency's own unit ("12.50", "1,200"). Raises 422."""
    typed = TYPED.fullmatch(text.strip())
    whole, part = (typed[1].replace(",", ""), typed[2] or "") if typed else ("", "")
    if not whole + part or len(part) > decimals or len(whole + part) > 18:
        raise invalid_field("amount", f"must be an amount such as {'12.50' if decimals == 2 else '1200'}")
    return int((whole or "0") + part.ljust(decimals, "0"))
