"""Subscriptions and what was sent to them. They are ours: the contract's clients know none."""

from __future__ import annotations

from tests.contract.strict import (
    Shape,
    boolean,
    filled,
    integer,
    listed,
    mapping,
    one_of,
    or_null,
    text,
    time,
    uuid,
    wrapped,
)

_SUBSCRIPTION = {
    "id": uuid,
    "namespace": filled,
    "tenant": filled,
    "name": filled,
    "url": filled,
    **dict.fromkeys(("event_types", "action_types", "providers", "outcomes"), listed(filled)),
    "description": text,
    "notify_provider": text,
    "timeout_seconds": integer,
    "max_concurrent": integer,
    "enabled": boolean,
    "disabled_reason": or_null(one_of("by_hand", "failing", "gone")),
    **dict.fromkeys(
        ("previous_until", "last_success_at", "failing_since", "paused_until", "disabled_at"), or_null(time)
    ),
    "created_at": time,
    "updated_at": time,
}
SUBSCRIPTION = Shape(_SUBSCRIPTION)
SUBSCRIPTION_WITH_SECRET = Shape({**_SUBSCRIPTION, "secret": filled})
SUBSCRIPTIONS = wrapped("subscriptions", SUBSCRIPTION)
_ATTEMPT = Shape(
    {
        "number": integer,
        "started_at": time,
        "duration_ms": integer,
        "success": boolean,
        "status": or_null(integer),
        "error": or_null(filled),
        "answer": text,
    }
)
_DELIVERY = {
    "id": uuid,
    "webhook_id": filled,
    "event_id": or_null(filled),
    "event_type": filled,
    "event_at": time,
    "status": one_of("pending", "delivered", "failed"),
    "attempts": listed(_ATTEMPT),
    "attempts_made": integer,
    "next_attempt_at": or_null(time),
    "last_status": or_null(integer),
    "last_error": or_null(filled),
    "created_at": time,
    "ended_at": or_null(time),
}
DELIVERIES = wrapped("deliveries", Shape(_DELIVERY))
DELIVERY_DETAIL = Shape({**_DELIVERY, "body": mapping})
REPLAYED_SPAN = Shape({"resent": integer, "created": integer, "next_from": or_null(time)})
