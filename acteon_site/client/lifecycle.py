"""`pipeline manage-order`: one order through its whole lifecycle, and a move that is not allowed."""

from __future__ import annotations

from dataclasses import dataclass

from acteon_site.client.errors import ClientError, Refused
from acteon_site.client.http import GatewayClient, Json
from acteon_site.client.outcomes import Outcome
from acteon_site.client.sending import Patience, send_patiently

PATH = ("confirmed", "shipped", "delivered")
CONFLICT = 409
BUSINESS_HOURS = "2026-03-10T11:00:00-04:00"


@dataclass(frozen=True, slots=True)
class Moved:
    """One request for a move: what it asked for, and the answer in words."""

    to: str
    answer: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class Managed:
    outcome: Outcome
    moves: list[Moved]
    order: Json


def order_action(order_id: str, namespace: str, tenant: str) -> Json:
    payload = {
        "order_id": order_id,
        "customer_email": "lifecycle@shop.example",
        "total_cents": 5990,
        "currency": "USD",
        "shipping_country": "US",
        "items": [{"sku": "MUG-BLUE", "qty": 1}],
        "card_last4": "4242",
        "billing_zip": "10001",
    }
    return {
        "id": order_id,
        "namespace": namespace,
        "tenant": tenant,
        "provider": "payment-gateway",
        "action_type": "place_order",
        "payload": payload,
    }


def manage_order(
    client: GatewayClient,
    order_id: str,
    namespace: str,
    tenant: str,
    patience: Patience,
    *,
    real_clock: bool = False,
) -> Managed:
    """Place the order, try to deliver it at once, then move it step by step.

    Raises ClientError where the order was not placed, or the illegal move was allowed.
    """
    demo_now = None if real_clock else BUSINESS_HOURS
    action = order_action(order_id, namespace, tenant)
    outcome = send_patiently(client, action, patience, demo_now=demo_now)
    if outcome.kind != "Executed":
        raise ClientError(_not_placed(order_id, outcome))
    moves = [_illegal(client, order_id, namespace, tenant)]
    for state in PATH:
        answer = client.transition(order_id, state, namespace, tenant)
        moves.append(Moved(state, f"200 {answer['previous_state']} → {answer['new_state']}", allowed=True))
    return Managed(outcome, moves, client.event(order_id, namespace, tenant))


def _illegal(client: GatewayClient, order_id: str, namespace: str, tenant: str) -> Moved:
    try:
        client.transition(order_id, "delivered", namespace, tenant)
    except Refused as refusal:
        if refusal.status == CONFLICT:
            return Moved("delivered", f"409 {refusal.message}", allowed=False)
        raise
    raise ClientError("placed → delivered was allowed; the lifecycle of this gateway is not the guide's")


def _not_placed(order_id: str, outcome: Outcome) -> str:
    advice = {
        "Scheduled": "It is after hours and the order is held; it moves once it was released.",
        "Deduplicated": "There is an order of that id already: take another --order-id.",
    }
    return (
        f"order {order_id} was not executed: {outcome.kind}. {advice.get(outcome.kind, dict(outcome.data))}"
    )
