"""The description of dispatch and its batch."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema_view

from acteon_site.http.openapi import (
    NAME,
    OBJECT,
    SCOPE_NAME,
    TEXTS,
    TIME,
    answer,
    array,
    body,
    component,
    enum,
    header,
    maybe,
    operation,
    query,
)
from acteon_site.http.openapi_examples import BODY_SCOPE, SHOWN_SCOPE
from orders_app.api import views_dispatch
from orders_app.api.schema.outcomes import ITEM, OUTCOME, SHOWN_OUTCOMES

ACTION = component(
    "Action",
    body(
        {**BODY_SCOPE, "provider": SCOPE_NAME, "action_type": NAME, "payload": OBJECT},
        {
            **{name: maybe(NAME) for name in ("id", "dedup_key", "fingerprint")},
            **{name: maybe({"type": "string", "maxLength": 256}) for name in ("status", "template")},
            **{name: maybe(TIME) for name in ("created_at", "starts_at", "ends_at")},
            "metadata": maybe({"anyOf": [TEXTS, answer({"labels": TEXTS})]}),
            "trace_context": {},
            "attachments": {},
            "signature": {},
            "signer_id": {},
            "kid": {},
        },
    ),
)
SHOWN_ACTION = {
    **SHOWN_SCOPE,
    "provider": "payment-gateway",
    "action_type": "place_order",
    "id": "order-1",
    "dedup_key": "order-ORD-1001",
    "payload": {"order_id": "ORD-1001", "total_cents": 7999, "currency": "USD", "shipping_country": "US"},
}
DRY_RUN = query("dry_run", enum("true", "false"), "Say what would happen now; consume and store nothing")
KEY = header(
    "Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 255}, "The first answer is given again"
)
REPLY_HEADERS = (
    OpenApiParameter(
        "X-Dedup-Reason", enum("dedup_key", "living_order"), OpenApiParameter.HEADER, response=[200]
    ),
    OpenApiParameter("Idempotency-Replayed", enum("true"), OpenApiParameter.HEADER, response=[200]),
)
extend_schema_view(
    post=operation(
        "Dispatch one action; the outcome is the answer",
        OUTCOME,
        text="Throttled, Failed, CircuitOpen and QuotaExceeded are 200 too.",
        parameters=(DRY_RUN, KEY, *REPLY_HEADERS),
        sends=ACTION,
        sends_examples={"an order": SHOWN_ACTION},
        examples=SHOWN_OUTCOMES,
        errors=(409,),
    )
)(views_dispatch.Dispatch)
extend_schema_view(
    post=operation(
        "Dispatch up to 1000 actions; each has its own answer, in order",
        array(ITEM, maxItems=1000),
        parameters=(DRY_RUN, KEY, *REPLY_HEADERS[1:]),
        # Items are judged one by one: what is no action fails alone.
        sends=array(ACTION, maxItems=1000),
        sends_examples={"two": [SHOWN_ACTION, SHOWN_ACTION]},
        examples={
            "two": [SHOWN_OUTCOMES["Executed"], {"Deduplicated": None}],
            "a bad item": [
                {"error": {"code": "VALIDATION", "message": "payload is required", "retryable": False}}
            ],
        },
        errors=(409,),
    )
)(views_dispatch.DispatchBatch)
