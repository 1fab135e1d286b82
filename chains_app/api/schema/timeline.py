"""The description of a run's timeline."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    OBJECT,
    OPTIONAL_SCOPE,
    PAGE,
    TEXT,
    TIME,
    UUID,
    answer,
    array,
    component,
    enum,
    maybe,
    operation,
)
from acteon_site.http.openapi_examples import ID, NOW
from chains_app.api import views_timeline
from chains_app.api.schema.shared import STATUS

ENTRY = component(
    "TimelineEntry",
    answer(
        {
            "chain_id": UUID,
            "chain_name": TEXT,
            "step": TEXT,
            "attempt": INTEGER,
            "kind": enum("call", "compensation"),
            "provider": TEXT,
            "action_type": TEXT,
            "idempotency_key": TEXT,
            "started_at": TIME,
            "completed_at": maybe(TIME),
            "duration_ms": maybe(INTEGER),
            "success": maybe(BOOLEAN),
            "error": maybe(answer({"code": TEXT, "message": TEXT})),
            "payload": maybe(OBJECT),
            "response_body": maybe(OBJECT),
        }
    ),
)
SHOWN_ENTRY = {
    "chain_id": ID,
    "chain_name": "order-processing",
    "step": "charge",
    "attempt": 1,
    "kind": "call",
    "provider": "payment-gateway",
    "action_type": "charge_card",
    "idempotency_key": f"{ID}:charge",
    "started_at": NOW,
    "completed_at": NOW,
    "duration_ms": 187,
    "success": True,
    "error": None,
    "payload": {"order_id": "order-1", "total_cents": 7999, "card_last4": "[REDACTED]"},
    "response_body": {"receipt": "r-1"},
}
SHOWN = {
    "chain_id": ID,
    "chain_name": "order-processing",
    "status": "completed",
    "entries": [SHOWN_ENTRY],
    "count": 1,
}
extend_schema_view(
    get=operation(
        "A run's calls in the order of time, of the runs below it too",
        component(
            "Timeline",
            answer(
                {
                    "chain_id": UUID,
                    "chain_name": TEXT,
                    "status": STATUS,
                    "entries": array(ENTRY),
                    "count": INTEGER,
                }
            ),
        ),
        parameters=(*OPTIONAL_SCOPE, *PAGE),
        errors=(404,),
        examples={"charged": SHOWN},
        text="`success` is null while a call is under way and where nobody knows its outcome. `payload` is what was "
        "sent and `response_body` what was answered, both redacted as the audit trail is; `response_body` is null "
        "for a failed call, and where a later answer took its place.",
    )
)(views_timeline.ChainTimeline)
