"""Stage 4, Gate: the ledgers of the orders that a set's refunds give money back of.

They are locked before all gates (order, then gate rows), read with what each order has charged, and changed in memory:
the second refund of a set finds what the first has reserved. A set without refunds costs no statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from acteon_site.base.clock import db_now
from acteon_site.base.many_rows import rows_update
from acteon_site.base.money import money
from acteon_site.base.names import spellings
from acteon_site.base.statements import Writes
from orders_app.contract import outcomes
from orders_app.models import Order
from orders_app.pipeline.items import Decided, Refused
from orders_app.selectors import OrderKey, lifecycle_for
from orders_app.services.charges import Charged, charged_of
from orders_app.services.ledger import LEDGER_FIELDS, ledger_facts, left_of, reservation_settle
from orders_app.states import RefundState
from rules_app.engine import ActionView

REFUSES = "deny"  # the verdict of what a ledger refuses: no rule has said it
OVER, UNKNOWN_ORDER = "EXECUTION_FAILED", "NOT_FOUND"


@dataclass(slots=True)
class Ledger:
    """An order that was charged. Its row is changed in memory, and written where `changed`."""

    order: Order
    charged: Charged
    changed: bool = False

    @property
    def left(self) -> int:
        return left_of(self.order, self.charged)

    def reserve(self, amount: int) -> None:
        self.order.charged, self.order.currency = self.charged.amount, self.charged.currency
        self.order.reserved += amount
        self.changed = True


@dataclass(slots=True)
class Ledgers:
    """By the names under which refunds ask for them, and by the orders' ids."""

    by_name: dict[OrderKey, Ledger] = field(default_factory=dict)
    by_order: dict[UUID, Ledger] = field(default_factory=dict)

    def asked_by(self, item: Decided) -> Ledger | None:
        return self.by_name.get(_name(item))

    def write(self, writes: Writes) -> None:
        changed = [ledger.order for ledger in self.by_order.values() if ledger.changed]
        rows_update(changed, LEDGER_FIELDS, writes)


def ledgers_of(items: Sequence[Decided], *, lock: bool) -> Ledgers:
    """Those that these actions ask for, locked in the order of their ids."""
    refunding = [item for item in items if _refunds(item)]
    if not refunding:
        return Ledgers()
    names = {_name(item) for item in refunding}
    found = _named(names)
    held = {item.order.refund_of_id for item in refunding if item.order and item.order.refund_of_id}
    rows = Order.objects.filter(pk__in={*found.values(), *held}).order_by("pk")
    orders = {order.pk: order for order in (rows.select_for_update() if lock else rows)}
    by_order = {pk: Ledger(order, charged_of(order)) for pk, order in orders.items()}
    return Ledgers({name: by_order[pk] for name, pk in found.items() if pk in by_order}, by_order)


def ledgers_extend(ledgers: Ledgers, item: Decided, *, lock: bool) -> None:
    """With that of the order that a `modify` rule names in place of another, once it is known what counters say."""
    if _refunds(item) and ledgers.asked_by(item) is None:
        more = ledgers_of([item], lock=lock)
        ledgers.by_order.update({pk: one for pk, one in more.by_order.items() if pk not in ledgers.by_order})
        ledgers.by_name.update({name: ledgers.by_order[one.order.pk] for name, one in more.by_name.items()})


def _named(names: Iterable[OrderKey]) -> dict[OrderKey, UUID]:
    """The ids of the orders of these names: of each the living one, else the newest."""
    asked = {(name[0], name[1], spelt): name for name in names for spelt in spellings(name[2])}
    parts = zip(*asked, strict=True)
    columns = ("namespace", "tenant", "fingerprint")
    among = {f"{column}__in": set(part) for column, part in zip(columns, parts, strict=True)}
    found: dict[OrderKey, UUID] = {}
    rows = Order.objects.filter(**among).order_by("living", "created_at")
    for *name, pk in rows.values_list(*columns, "pk"):
        if key := asked.get((name[0], name[1], name[2])):
            found[key] = pk
    return found


def _refunds(item: Decided) -> bool:
    return item.lifecycle is not None and item.lifecycle.spec.refunds is not None


def _name(item: Decided) -> OrderKey:
    refunds = item.lifecycle.spec.refunds if item.lifecycle else None
    return item.action.namespace, item.action.tenant, refunds.of_in(item.plan.payload) if refunds else ""


def _amount(item: Decided) -> int:
    refunds = item.lifecycle.spec.refunds if item.lifecycle else None
    return refunds.amount_in(item.plan.payload) if refunds else 0


def refund_refused(item: Decided, ledgers: Ledgers | None) -> Refused | None:
    """Why the money cannot be given back; None where it can, or where nobody asks for any."""
    if ledgers is None or not _refunds(item):
        return None
    ledger = ledgers.asked_by(item)
    if ledger is None:
        return _no(
            UNKNOWN_ORDER, f"no order is named {_name(item)[2]!r} here, so nothing of it can be refunded"
        )
    if _is_reserved(item, ledger):
        return None  # when it was held
    charged = ledger.charged
    if charged.problem:
        return _no(OVER, f"the order cannot be refunded: {charged.problem}", retryable=charged.passing)
    return _wrong_currency(item, charged) or _too_much(item, ledger)


def _wrong_currency(item: Decided, charged: Charged) -> Refused | None:
    refunds = item.lifecycle.spec.refunds if item.lifecycle else None
    given = refunds.currency_in(item.plan.payload) if refunds else ""
    if not given or given == charged.currency:
        return None
    was = f"in {charged.currency}" if charged.currency else "without a currency"
    return _no(OVER, f"the order was charged {was}, and this refund is in {given}")


def _too_much(item: Decided, ledger: Ledger) -> Refused | None:
    amount, order, charged = _amount(item), ledger.order, ledger.charged
    left = ledger.left + _reserved_before(item, ledger)
    if amount <= left:
        return None
    told = [
        money(one, charged.currency) for one in (amount, left, charged.amount, order.refunded, order.reserved)
    ]
    message = (
        f"{told[0]} are more than the {told[1]} that are left to refund: {told[2]} were charged, "
        f"{told[3]} are refunded, and {told[4]} wait, are under way or in doubt"
    )
    # What is on its way may yet fail, and be left for this one.
    return _no(OVER, message, retryable=amount <= charged.amount - order.refunded)


def _reserved_before(item: Decided, ledger: Ledger) -> int:
    """When it was held, for another amount than a rule makes of it today."""
    refund = item.order
    own = (
        refund is not None
        and refund.refund_state == RefundState.RESERVED
        and refund.refund_of_id == ledger.order.pk
    )
    return (refund.refund_amount or 0) if refund is not None and own else 0


def _no(code: str, message: str, *, retryable: bool = False) -> Refused:
    return Refused(outcomes.failed(code, message, retryable=retryable, attempts=0), REFUSES)


def refund_reserve(item: Decided, ledgers: Ledgers | None) -> None:
    """Take the amount out of what is left, once for an action however often it is held."""
    if ledgers is None or not _refunds(item):
        return
    ledger = ledgers.asked_by(item)
    if ledger is None or _is_reserved(item, ledger):
        return
    refund_give_back(item, ledgers)
    ledger.reserve(_amount(item))


def refund_give_back(item: Decided, ledgers: Ledgers | None) -> None:
    """What a released action had reserved while it waited is for others again."""
    refund = item.order
    ledger = ledgers.by_order.get(refund.refund_of_id) if ledgers and refund and refund.refund_of_id else None
    if ledger is not None and refund is not None:
        reservation_settle(ledger.order, refund, RefundState.RELEASED)
        ledger.changed = True


def _is_reserved(item: Decided, ledger: Ledger) -> bool:
    """The very amount of the very order, when the action was held."""
    refund = item.order
    return (
        refund is not None
        and refund.refund_state == RefundState.RESERVED
        and (refund.refund_of_id, refund.refund_amount) == (ledger.order.pk, _amount(item))
    )


def refund_values(item: Decided, ledgers: Ledgers | None) -> dict[str, Any]:
    """What the refund's own row says of it; nothing of other orders."""
    ledger = ledgers.asked_by(item) if ledgers and _refunds(item) else None
    if ledger is None:
        return {}
    return {
        "refund_of_id": ledger.order.pk,
        "refund_amount": _amount(item),
        "refund_state": RefundState.RESERVED.value,
    }


def order_facts(item: Decided, ledgers: Ledgers | None, now: datetime) -> Mapping[str, Any]:
    """What rules see under `order.*`: of a refund the order that it refunds."""
    ledger = ledgers.asked_by(item) if ledgers and _refunds(item) else None
    return ledger_facts(ledger.order, ledger.charged, now) if ledger else {}


def order_facts_now(view: ActionView) -> Mapping[str, Any]:
    """The same for evaluations, without a lock."""
    lifecycle = lifecycle_for(view.namespace, view.tenant, view.action_type)
    refunds = lifecycle.spec.refunds if lifecycle else None
    if refunds is None:
        return {}
    named = _named({(view.namespace, view.tenant, refunds.of_in(view.payload))})
    order = Order.objects.filter(pk__in=named.values()).first()
    return ledger_facts(order, charged_of(order), db_now()) if order else {}


def ledger_told(item: Decided, ledgers: Ledgers | None) -> Iterator[tuple[bool, str]]:
    """For tries: whether the ledger lets it pass, in words."""
    if ledgers is None or not _refunds(item):
        return
    ledger, refused = ledgers.asked_by(item), refund_refused(item, ledgers)
    if refused is not None:
        yield False, str(refused.outcome.content["message"])
    elif ledger is not None:
        left = money(ledger.left, ledger.charged.currency)
        yield (
            True,
            f"{left} of {money(ledger.charged.amount, ledger.charged.currency)} are left to refund: passes",
        )
