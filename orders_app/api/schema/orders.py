"""The description of orders, their lifecycle, and schedules."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    PAGE,
    SCOPE,
    TEXT,
    TIME,
    UUID,
    answer,
    array,
    body,
    component,
    enum,
    maybe,
    operation,
    page,
    query,
)
from acteon_site.http.openapi_examples import BODY_SCOPE, ID, NOW, SHOWN_SCOPE
from orders_app.api import views_orders
from orders_app.api.schema.outcomes import CONTENTS, SHOWN_OUTCOMES
from orders_app.api.schema.shared import HOLD_STATUS
from orders_app.states import HoldStatus, OrderStatus, RefundState

EVENT_KEYS = {"fingerprint": TEXT, "state": TEXT, "action_type": TEXT, "updated_at": TIME}
LEDGER = component(
    "OrderLedger",
    answer(
        {
            "charged_cents": maybe(INTEGER),
            "currency": TEXT,
            "refunded_cents": INTEGER,
            "in_doubt_cents": INTEGER,
            "left_cents": INTEGER,
            "why_not": TEXT,
            "refunds": array(
                answer(
                    {
                        "fingerprint": TEXT,
                        "amount_cents": INTEGER,
                        "refund": enum(*RefundState.values),
                        "state": TEXT,
                        "status": enum(*OrderStatus.values),
                        "created_at": TIME,
                    }
                )
            ),
        }
    ),
)
ORDER = component(
    "Order",
    answer(
        {
            **EVENT_KEYS,
            "history": array(answer({"from": TEXT, "to": TEXT, "at": TIME, "actor": TEXT})),
            "allowed": array(TEXT),
            "status": enum(*OrderStatus.values),
            "reason": TEXT,
            "action_id": TEXT,
            "chain_id": maybe(UUID),
            "ledger": maybe(LEDGER),
            "refund": maybe(
                answer({"of": TEXT, "amount_cents": INTEGER, "refund": enum(*RefundState.values)})
            ),
        }
    ),
)
SHOWN_EVENT = {"fingerprint": "ORD-1001", "state": "placed", "action_type": "place_order", "updated_at": NOW}
SHOWN_ORDER = {
    **SHOWN_EVENT,
    "history": [{"from": "", "to": "placed", "at": NOW, "actor": "key:storefront"}],
    "allowed": ["confirmed"],
    "status": "processing",
    "reason": "",
    "action_id": "order-1",
    "chain_id": ID,
    "ledger": {
        "charged_cents": 7999,
        "currency": "USD",
        "refunded_cents": 2000,
        "in_doubt_cents": 0,
        "left_cents": 5999,
        "why_not": "",
        "refunds": [
            {
                "fingerprint": "RF-1001-1",
                "amount_cents": 2000,
                "refund": "paid",
                "state": "refunded",
                "status": "completed",
                "created_at": NOW,
            }
        ],
    },
    "refund": None,
}
SHOWN_REFUND = {
    **SHOWN_ORDER,
    "fingerprint": "RF-1001-2",
    "action_type": "refund_order",
    "ledger": None,
    "refund": {"of": "ORD-1001", "amount_cents": 1000, "refund": "paid"},
}
extend_schema_view(
    get=operation(
        "Orders and their lifecycle states",
        page("events", component("OrderEvent", answer(EVENT_KEYS))),
        parameters=(*SCOPE, *PAGE, query("status", TEXT, "A lifecycle state")),
        examples={"one": {"events": [SHOWN_EVENT], "count": 1}},
    )
)(views_orders.Events)
extend_schema_view(
    get=operation(
        "One order with its history", ORDER, parameters=SCOPE, errors=(404,), examples={"placed": SHOWN_ORDER}
    )
)(views_orders.Event)
extend_schema_view(
    put=operation(
        "Move an order along its lifecycle",
        component("Transition", CONTENTS["StateChanged"]),
        sends=body(BODY_SCOPE, {"to": TEXT, "to_state": TEXT}),
        sends_examples={"confirm": {**SHOWN_SCOPE, "to": "confirmed"}},
        errors=(404, 409),
        examples={"confirmed": SHOWN_OUTCOMES["StateChanged"]["StateChanged"]},
    )
)(views_orders.Transition)
extend_schema_view(
    post=operation(
        "Cancel an order",
        ORDER,
        sends=body(BODY_SCOPE, {"reason": maybe({"type": "string", "maxLength": views_orders.MAX_REASON})}),
        sends_examples={"why": {**SHOWN_SCOPE, "reason": "customer called"}},
        errors=(404, 409),
        examples={"cancelled": {**SHOWN_ORDER, "status": "cancelled", "allowed": []}},
    )
)(views_orders.OrderCancel)
extend_schema_view(
    post=operation(
        "Settle what is in doubt of an order that was given up: of a refund, or of any other",
        ORDER,
        sends=body(
            BODY_SCOPE,
            {
                "paid": BOOLEAN,
                "outcome": maybe(enum("done", "not_done")),
                "step": maybe({"type": "string", "maxLength": views_orders.MAX_STEP}),
                "reason": maybe({"type": "string", "maxLength": views_orders.MAX_REASON}),
            },
        ),
        sends_examples={
            "a refund": {**SHOWN_SCOPE, "paid": True, "reason": "found in the provider's books"},
            "any other order": {**SHOWN_SCOPE, "outcome": "not_done"},
        },
        text="`paid` of a refund; of any other order `outcome`, with `step` where several are in doubt.",
        errors=(404, 409),
        examples={"paid": SHOWN_REFUND},
    )
)(views_orders.OrderSettle)
SCHEDULED = component(
    "ScheduledAction",
    answer(
        {
            "action_id": TEXT,
            "fingerprint": TEXT,
            "rule": TEXT,
            "status": enum(*HoldStatus.values),
            "scheduled_for": TIME,
        }
    ),
)
SHOWN_SCHEDULED = {
    "action_id": "order-1",
    "fingerprint": "ORD-1001",
    "rule": "schedule-after-hours",
    "status": "pending",
    "scheduled_for": NOW,
}
extend_schema_view(
    get=operation(
        "What waits for its time or its turn, and what did",
        page("scheduled", SCHEDULED),
        parameters=(*SCOPE, *PAGE, HOLD_STATUS),
        examples={"one": {"scheduled": [SHOWN_SCHEDULED], "count": 1}},
    )
)(views_orders.Scheduled)
extend_schema_view(
    post=operation(
        "Cancel what is scheduled",
        SCHEDULED,
        sends=body(BODY_SCOPE),
        sends_examples={"it": SHOWN_SCOPE},
        errors=(404, 409),
        examples={"cancelled": {**SHOWN_SCHEDULED, "status": "cancelled"}},
    )
)(views_orders.ScheduledCancel)
