"""What is known of the customer and of the shop of an order: its ties to others, and what became of those.

By ties' hashes alone, each question by an index and for so many rows: the same cost at ten orders and at ten million.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from chains_app.models import StepRun
from chains_app.states import Undo
from orders_app.contract.actions import stored_action
from orders_app.models import Action, Hold, Order, Tie
from orders_app.policies import policy_for
from orders_app.risk import DAY, Past
from orders_app.tie_keys import tie_keys

MOST_PAST = 30  # of each kind of tie
MOST_OF_SHOP = 200


@dataclass(frozen=True, slots=True)
class RelatedOrder:
    """An earlier order. `order_id` is None where the action made none, as one that was refused."""

    past: Past
    name: str
    order_id: UUID | None
    refunded: bool
    is_recent: bool


@dataclass(frozen=True, slots=True)
class ShopsPast:
    """How the newest orders of a shop fared, by status; `refunded` of them were."""

    orders: int
    statuses: Mapping[str, int]
    refunded: int


def past_of(row: Action, payload: Mapping[str, Any]) -> list[Past]:
    """Earlier actions that this one is tied to, the newest first. `payload` is its own, not redacted."""
    keys = tie_keys(row.namespace, row.tenant, payload, policy_for(row.namespace, row.tenant))
    columns = ("action_id", "at", "worth", "currency", "outcome")
    found: dict[UUID, Past] = {}
    for kind, key in keys.items():
        ties = Tie.objects.filter(key=key, at__lte=row.received_at).exclude(action_id=row.pk).order_by("-at")
        for action_id, at, worth, currency, outcome in ties.values_list(*columns)[:MOST_PAST]:
            known = found.get(action_id)
            kinds = (*known.kinds, kind.value) if known else (kind.value,)
            found[action_id] = Past(action_id, kinds, at, worth, currency, outcome)
    return sorted(found.values(), key=lambda one: one.at, reverse=True)


def with_statuses(past: Sequence[Past]) -> list[Past]:
    """The same with what became of their orders."""
    ids = [one.action_id for one in past]
    statuses = dict(Order.objects.filter(action_id__in=ids).values_list("action_id", "status")) if ids else {}
    return [replace(one, status=statuses.get(one.action_id, "")) for one in past]


def related_orders(hold: Hold) -> list[RelatedOrder]:
    """Of the hold's order, the newest first."""
    past = past_of(hold.action, _customer_of(hold))
    ids = [one.action_id for one in past]
    if not ids:
        return []
    columns = ("action_id", "pk", "fingerprint", "status", "run_id", "refunded")
    orders = {row[0]: row for row in Order.objects.filter(action_id__in=ids).values_list(*columns)}
    names = dict(Action.objects.filter(pk__in=ids).values_list("pk", "action_id"))
    refunded = _refunded(row[4] for row in orders.values())
    lines = []
    for one in past:
        order = orders.get(one.action_id)
        name = order[2] if order else names.get(one.action_id, "")
        shown = replace(one, status=order[3]) if order else one
        is_refunded = order is not None and (order[4] in refunded or order[5] > 0)
        recent = one.at > hold.created_at - DAY
        lines.append(RelatedOrder(shown, name, order[1] if order else None, is_refunded, recent))
    return lines


def _customer_of(hold: Hold) -> Mapping[str, Any]:
    """A payload that says who it is: a refund's customer is that of the order that it refunds."""
    payload = stored_action(hold.action.body).payload
    refunded = hold.order.refund_of if hold.order else None
    return {**stored_action(refunded.action.body).payload, **payload} if refunded else payload


def shops_past(hold: Hold) -> ShopsPast:
    rows = Order.objects.filter(namespace=hold.namespace, tenant=hold.tenant)
    # Refunds are orders of their own, and no sales.
    sales = rows.filter(refund_state="").order_by("-updated_at", "-id")
    newest = list(sales.values_list("status", "run_id", "refunded")[:MOST_OF_SHOP])
    undone = _refunded(run_id for _, run_id, _ in newest)
    refunded = sum(run_id in undone or paid > 0 for _, run_id, paid in newest)
    return ShopsPast(len(newest), Counter(status for status, _, _ in newest), refunded)


def _refunded(run_ids: Iterable[UUID | None]) -> set[UUID]:
    """Runs of which something was undone: the money was given back, or the place in the warehouse."""
    ids = [run_id for run_id in run_ids if run_id]
    if not ids:
        return set()
    undone = StepRun.objects.filter(run_id__in=ids, undo=Undo.DONE)
    return set(undone.values_list("run_id", flat=True))
