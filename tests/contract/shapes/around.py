"""Streams, health, providers, templates, sign-in."""

from __future__ import annotations

from tests.contract.strict import (
    Check,
    Shape,
    boolean,
    filled,
    integer,
    listed,
    mapping,
    number,
    one_of,
    or_null,
    text,
    texts,
    time,
    uuid,
    wrapped,
)

# Stream -------------------------------------------------------------------------------------------------------
FRAME_KEYS: dict[str, Check] = {
    "id": filled,
    "timestamp": time,
    "type": filled,
    "namespace": text,
    "tenant": text,
}
FRAME_OPTIONAL: dict[str, Check] = {"action_type": filled, "action_id": filled, "chain_id": filled}

# Health, providers, templates, sign-in ------------------------------------------------------------------------
METRICS_REQUIRED = (
    *[
        "dispatched",
        "executed",
        "deduplicated",
        "suppressed",
        "rerouted",
        "throttled",
        "failed",
        "pending_approval",
        "scheduled",
    ],
    *[
        "circuit_open",
        "chains_started",
        "chains_completed",
        "chains_failed",
        "chains_cancelled",
        "quota_exceeded",
        "silenced",
        "muted",
    ],
    *[
        "quota_warned",
        "quota_degraded",
        "quota_notified",
        "retention_deleted_state",
        "retention_skipped_compliance",
    ],
    "retention_errors",
)
PROVIDER_HEALTH = Shape(
    {
        "provider": filled,
        "healthy": boolean,
        "circuit_breaker_state": one_of("closed", "open", "half_open"),
        "total_requests": integer,
        "successes": integer,
        "failures": integer,
        "success_rate": number,
        "avg_latency_ms": number,
        "p50_latency_ms": number,
        "p95_latency_ms": number,
        "p99_latency_ms": number,
        "last_request_at": or_null(integer),
        "last_error": or_null(text),
        "health_check_error": or_null(text),
    }
)
PROVIDERS_HEALTH = Shape({"providers": listed(PROVIDER_HEALTH)})
BREAKER = Shape(
    {
        "provider": filled,
        "state": one_of("closed", "open", "half_open"),
        "failure_threshold": integer,
        "success_threshold": integer,
        "recovery_timeout_seconds": integer,
        "fallback_provider": or_null(filled),
    }
)
BREAKERS = wrapped("circuit_breakers", BREAKER)
BREAKER_TOLD = Shape({"provider": filled, "state": filled, "message": filled})
_NAMED: dict[str, Check] = {
    "id": uuid,
    "name": filled,
    "namespace": filled,
    "tenant": filled,
    "description": text,
    "labels": texts,
    "created_at": time,
    "updated_at": time,
}
TEMPLATE = Shape({**_NAMED, "content": filled})
TEMPLATES = wrapped("templates", TEMPLATE)
PROFILE = Shape({**_NAMED, "fields": mapping})
PROFILES = wrapped("profiles", PROFILE)
RENDERED_PROFILE = Shape({"rendered": texts})
RENDERED_TEXT = Shape({"rendered": text})
TOKEN = Shape({"token": filled, "expires_in": integer})
