"""The description of subscriptions and their deliveries."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    OBJECT,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE_NAME,
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
from subscriptions_app.api import views

SHOWN: dict[str, Any] = {
    "id": "01a20300-0000-7000-8000-000000000001",
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "name": "warehouse",
    "url": "https://warehouse.example.com/hooks/orders",
    "event_types": ["action_*", "approval_resolved"],
    "action_types": ["place_order"],
    "providers": [],
    "outcomes": [],
    "description": "",
    "notify_provider": "email-service",
    "timeout_seconds": 15,
    "max_concurrent": 10,
    "enabled": True,
    "disabled_reason": None,
    "previous_until": None,
    "last_success_at": "2026-03-10T15:04:05.000Z",
    "failing_since": None,
    "paused_until": None,
    "disabled_at": None,
    "created_at": "2026-03-10T15:00:00.000Z",
    "updated_at": "2026-03-10T15:00:00.000Z",
}
SHOWN_SECRET = {**SHOWN, "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazdnv5rAK/s="}
_SUBSCRIPTION: dict[str, Any] = {
    "id": UUID,
    "namespace": TEXT,
    "tenant": TEXT,
    "name": TEXT,
    "url": TEXT,
    "event_types": array(TEXT),
    "action_types": array(TEXT),
    "providers": array(TEXT),
    "outcomes": array(TEXT),
    "description": TEXT,
    "notify_provider": TEXT,
    "timeout_seconds": INTEGER,
    "max_concurrent": INTEGER,
    "enabled": BOOLEAN,
    "disabled_reason": maybe(enum("by_hand", "failing", "gone")),
    "previous_until": maybe(TIME),
    "last_success_at": maybe(TIME),
    "failing_since": maybe(TIME),
    "paused_until": maybe(TIME),
    "disabled_at": maybe(TIME),
    "created_at": TIME,
    "updated_at": TIME,
}
SUBSCRIPTION = component("Subscription", answer(_SUBSCRIPTION))
WITH_SECRET = component("SubscriptionWithSecret", answer({**_SUBSCRIPTION, "secret": TEXT}))
URL = {"type": "string", "pattern": "^https://[a-z]{1,20}\\.example\\.com/[a-z/]{0,20}$"}
SECRET = {"type": "string", "pattern": "^whsec_[A-Za-z0-9+/]{43}=$"}
TERMS: dict[str, Any] = {
    "event_types": array(
        enum("*", "action_dispatched", "action_*", "approval_resolved", "chain_completed"), maxItems=4
    ),
    "action_types": array(NAME, maxItems=5),
    "providers": array({"type": "string", "pattern": "^[a-z-]{1,20}$"}, maxItems=5),
    "outcomes": array(enum("executed", "failed", "rerouted"), maxItems=3),
    "description": TEXT,
    "timeout_seconds": {"type": "integer", "minimum": 1, "maximum": 30},
    "max_concurrent": {"type": "integer", "minimum": 1, "maximum": 100},
    "enabled": BOOLEAN,
}
SENT: dict[str, Any] = {
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "name": "warehouse",
    "url": "https://warehouse.example.com/hooks/orders",
    "event_types": ["action_*", "approval_resolved"],
    "action_types": ["place_order"],
    "notify_provider": "email-service",
}
SHOWN_ATTEMPT: dict[str, Any] = {
    "number": 1,
    "started_at": "2026-03-10T15:04:05.000Z",
    "duration_ms": 84,
    "success": False,
    "status": 503,
    "error": "HTTP 503",
    "answer": "busy",
}
SHOWN_DELIVERY: dict[str, Any] = {
    "id": "01a20300-0000-7000-8000-000000000002",
    "webhook_id": "msg_01a20300000070008000000000000002",
    "event_id": "1041",
    "event_type": "chain_completed",
    "event_at": "2026-03-10T15:04:04.900Z",
    "status": "pending",
    "attempts": [SHOWN_ATTEMPT],
    "attempts_made": 1,
    "next_attempt_at": "2026-03-10T15:04:10.500Z",
    "last_status": 503,
    "last_error": "HTTP 503",
    "created_at": "2026-03-10T15:04:05.000Z",
    "ended_at": None,
}
SHOWN_DETAIL = {
    **SHOWN_DELIVERY,
    "body": {"type": "chain_completed", "timestamp": "2026-03-10T15:04:04.900Z", "data": {"id": "1041"}},
}
ATTEMPT = component(
    "DeliveryAttempt",
    answer(
        {
            "number": INTEGER,
            "started_at": TIME,
            "duration_ms": INTEGER,
            "success": BOOLEAN,
            "status": maybe(INTEGER),
            "error": maybe(TEXT),
            "answer": TEXT,
        }
    ),
)
_DELIVERY: dict[str, Any] = {
    "id": UUID,
    "webhook_id": TEXT,
    "event_id": maybe(TEXT),
    "event_type": TEXT,
    "event_at": TIME,
    "status": enum("pending", "delivered", "failed"),
    "attempts": array(ATTEMPT),
    "attempts_made": INTEGER,
    "next_attempt_at": maybe(TIME),
    "last_status": maybe(INTEGER),
    "last_error": maybe(TEXT),
    "created_at": TIME,
    "ended_at": maybe(TIME),
}
DELIVERY = component("Delivery", answer(_DELIVERY))
DETAIL = component("DeliveryDetail", answer({**_DELIVERY, "body": OBJECT}))
REPLAYED = component(
    "DeliveriesReplayed", answer({"resent": INTEGER, "created": INTEGER, "next_from": maybe(TIME)})
)
REPLAY: dict[str, Any] = {
    "event_types": array(enum("*", "chain_*", "action_dispatched"), maxItems=3),
    "only_failed": BOOLEAN,
}
_ON_ONE: dict[str, Any] = {"parameters": OPTIONAL_SCOPE}

extend_schema_view(
    get=operation(
        "Subscriptions",
        page("subscriptions", SUBSCRIPTION),
        parameters=(*OPTIONAL_SCOPE, *PAGE),
        examples={"one": {"subscriptions": [SHOWN], "count": 1}},
    ),
    post=operation(
        "Subscribe",
        WITH_SECRET,
        status=201,
        sends=body(
            {"namespace": SCOPE_NAME, "tenant": SCOPE_NAME, "name": NAME | {"maxLength": 200}, "url": URL},
            {**TERMS, "secret": SECRET},
        ),
        sends_examples={"orders": SENT},
        examples={"made": SHOWN_SECRET},
        errors=(409,),
        text="The only answer that shows the secret.",
    ),
)(views.SubscriptionList)
extend_schema_view(
    get=operation("One subscription", SUBSCRIPTION, errors=(404,), examples={"it": SHOWN}, **_ON_ONE),
    put=operation(
        "Change what the body names",
        SUBSCRIPTION,
        sends=body({}, {"url": URL, **TERMS}),
        sends_examples={"slower": {"timeout_seconds": 30}},
        errors=(404, 409),
        examples={"changed": SHOWN},
        **_ON_ONE,
    ),
    delete=operation("Unsubscribe, with all its deliveries", None, status=204, errors=(404, 409), **_ON_ONE),
)(views.SubscriptionDetail)
extend_schema_view(
    post=operation(
        "Switch on or off",
        SUBSCRIPTION,
        errors=(404,),
        examples={"it": SHOWN},
        text="Once it is on, what was still to be sent is sent; what happened meanwhile is not, unless it is replayed.",
        **_ON_ONE,
    )
)(views.SubscriptionSwitch)
extend_schema_view(
    post=operation(
        "A new secret",
        WITH_SECRET,
        sends=body({}, {"grace_seconds": {"type": "integer", "minimum": 0, "maximum": 2_592_000}}),
        sends_examples={"an_hour": {"grace_seconds": 3600}},
        errors=(404, 409),
        examples={"new": {**SHOWN_SECRET, "previous_until": "2026-03-11T15:00:00.000Z"}},
        text="Both secrets sign until the grace is over. The only answer that shows the new one.",
        **_ON_ONE,
    )
)(views.SecretRotation)
extend_schema_view(
    post=operation(
        "Send a test",
        DETAIL,
        status=202,
        errors=(404, 409),
        examples={"sent": {**SHOWN_DETAIL, "attempts": []}},
        **_ON_ONE,
    )
)(views.SubscriptionTest)
extend_schema_view(
    post=operation(
        "Send a span of time again",
        REPLAYED,
        status=202,
        sends=body({"from": TIME, "to": TIME}, REPLAY),
        sends_examples={
            "failed": {"from": "2026-03-10T00:00:00Z", "to": "2026-03-11T00:00:00Z", "only_failed": True}
        },
        errors=(404, 409),
        examples={"some": {"resent": 12, "created": 3, "next_from": None}},
        text="At most 2,000 deliveries and events at once: where `next_from` is no null, ask again from there.",
        **_ON_ONE,
    )
)(views.SubscriptionReplay)
extend_schema_view(
    get=operation(
        "What was sent, newest first",
        page("deliveries", DELIVERY),
        parameters=(*OPTIONAL_SCOPE, *PAGE, query("status", enum("pending", "delivered", "failed"))),
        errors=(404,),
        examples={"one": {"deliveries": [SHOWN_DELIVERY], "count": 1}},
    )
)(views.DeliveryList)
extend_schema_view(
    get=operation(
        "One delivery, with its body", DETAIL, errors=(404,), examples={"it": SHOWN_DETAIL}, **_ON_ONE
    )
)(views.DeliveryDetail)
extend_schema_view(
    post=operation(
        "Send it again, with its own webhook-id",
        DETAIL,
        status=202,
        errors=(404, 409),
        examples={"again": SHOWN_DETAIL},
        **_ON_ONE,
    )
)(views.DeliveryResend)
