"""Subscriptions and their deliveries as answers spell them."""

from __future__ import annotations

import json
from typing import Any

from acteon_site.base.clock_text import rfc3339, rfc3339_or_none
from subscriptions_app.models import Delivery, DeliveryAttempt, Subscription
from subscriptions_app.services.replaying import Replayed
from subscriptions_app.spec import spec_of


def subscription_shape(row: Subscription) -> dict[str, Any]:
    """No secret: it is shown once, to whoever made it."""
    times = ("previous_until", "last_success_at", "failing_since", "paused_until", "disabled_at")
    return {
        "id": str(row.pk),
        **spec_of(row),
        "disabled_reason": row.disabled_reason or None,
        **{name: rfc3339_or_none(getattr(row, name)) for name in times},
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
    }


def with_secret(row: Subscription) -> dict[str, Any]:
    return {**subscription_shape(row), "secret": row.secrets["current"]}


def delivery_shape(row: Delivery) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "webhook_id": f"msg_{row.pk.hex}",
        "event_id": str(row.event_number) if row.event_number is not None else None,
        "event_type": row.event_type,
        "event_at": rfc3339(row.event_at),
        "status": row.status,
        "attempts": [attempt_shape(attempt) for attempt in row.attempts.all()],
        "attempts_made": row.attempts_made,
        "next_attempt_at": rfc3339_or_none(row.due_at),
        "last_status": row.last_status,
        "last_error": row.last_error or None,
        "created_at": rfc3339(row.created_at),
        "ended_at": rfc3339_or_none(row.ended_at),
    }


def delivery_detail_shape(row: Delivery) -> dict[str, Any]:
    return {**delivery_shape(row), "body": json.loads(row.body)}


def attempt_shape(row: DeliveryAttempt) -> dict[str, Any]:
    return {
        "number": row.number,
        "started_at": rfc3339(row.started_at),
        "duration_ms": row.duration_ms,
        "success": row.success,
        "status": row.status,
        "error": row.error or None,
        "answer": row.answer,
    }


def replayed_shape(found: Replayed) -> dict[str, Any]:
    return {
        "resent": found.again,
        "created": found.made,
        "next_from": rfc3339_or_none(found.next_from),
    }
