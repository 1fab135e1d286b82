"""The contract's shapes, key by key. What a shape calls `extra` this gateway adds on purpose."""

from __future__ import annotations

from typing import Any

from tests.contract.strict import (
    Check,
    Shape,
    anything,
    boolean,
    code,
    exactly,
    filled,
    integer,
    listed,
    mapping,
    null,
    number,
    one_of,
    or_null,
    text,
    texts,
    time,
    uuid,
    wrapped,
)

# Everywhere ---------------------------------------------------------------------------------------------------
FIELD_PROBLEM = Shape({"field": text, "message": filled})
ERROR_KEYS: dict[str, Check] = {"error": filled, "code": code, "message": filled, "retryable": boolean}
ERROR = Shape(ERROR_KEYS, {"details": listed(FIELD_PROBLEM)})
# Loaders say where: "a bad file changes nothing, answer 422 with file, line, field".
LOADER_PROBLEM = Shape(
    {"field": text, "message": filled}, {"file": filled, "line": integer, "kind": filled, "name": text}
)
LOADER_ERROR = Shape({**ERROR_KEYS, "details": listed(LOADER_PROBLEM)})
ITEM_ERROR = Shape({"error": Shape({"code": code, "message": filled, "retryable": boolean})})

# Dispatch -----------------------------------------------------------------------------------------------------
FAILED_CODES = (
    "PROVIDER_NOT_FOUND",
    "NOT_FOUND",
    "EXECUTION_FAILED",
    "TIMEOUT",
    "CONNECTION",
    "CONFIGURATION",
    "RATE_LIMITED",
    "SERIALIZATION",
)
VERDICTS = (
    "allow",
    "deny",
    "suppress",
    "deduplicate",
    "throttle",
    "modify",
    "reroute",
    "request_approval",
    "schedule",
    "chain",
    "state_machine",
    "group",
)
ANSWER = Shape({"status": one_of("success", "partial"), "body": mapping, "headers": mapping})
CHAIN_BODY = Shape(
    {"order_id": filled, "state": filled, "chain_id": uuid, "chain_name": filled, "chain_url": filled}
)
LOG_BODY = Shape({"provider": filled, "logged": exactly(True)})
OUTCOMES: dict[str, Check] = {
    "Executed": ANSWER,
    "Suppressed": Shape({"rule": filled}),
    "Rerouted": Shape({"original_provider": filled, "new_provider": filled, "response": ANSWER}),
    "Throttled": Shape({"retry_after": Shape({"secs": integer, "nanos": integer})}),
    "Failed": Shape(
        {"code": one_of(*FAILED_CODES), "message": filled, "retryable": boolean, "attempts": integer}
    ),
    "PendingApproval": Shape(
        {
            "approval_id": uuid,
            "expires_at": time,
            "approve_url": filled,
            "reject_url": filled,
            "notification_sent": boolean,
        }
    ),
    "Scheduled": Shape({"action_id": filled, "scheduled_for": time}),
    "ChainStarted": Shape(
        {"chain_id": uuid, "chain_name": filled, "total_steps": integer, "first_step": filled}
    ),
    "CircuitOpen": Shape({"provider": filled, "fallback_chain": listed(filled)}),
    "QuotaExceeded": Shape({"tenant": filled, "limit": integer, "used": integer, "overage_behavior": filled}),
    "StateChanged": Shape(
        {"fingerprint": filled, "previous_state": filled, "new_state": filled, "notify": boolean}
    ),
    "DryRun": Shape(
        {"verdict": one_of(*VERDICTS), "matched_rule": or_null(filled), "would_be_provider": filled}
    ),
}


def outcome(value: Any, path: str = "$") -> None:
    """Externally tagged; the one without content is a bare text."""
    if value == "Deduplicated":
        return
    _tagged(value, path)


def batch_item(value: Any, path: str = "$") -> None:
    """In an array the bare text is an object, for Go and Node."""
    if value == {"Deduplicated": None}:
        return
    if set(value) == {"error"}:
        ITEM_ERROR(value, path)
        return
    _tagged(value, path)


def _tagged(value: Any, path: str) -> None:
    mapping(value, path)
    assert len(value) == 1, f"{path}: {value!r} is not tagged once"
    ((tag, content),) = value.items()
    assert tag in OUTCOMES, f"{path}: no outcome is called {tag}"
    OUTCOMES[tag](content, f"{path}.{tag}")


# Rules --------------------------------------------------------------------------------------------------------
RULE = Shape({"name": filled, "priority": integer, "enabled": boolean, "description": text})
RULE_ENABLED = Shape({"name": filled, "enabled": boolean, "status": one_of("enabled", "disabled")})
RELOAD = Shape(
    {"reloaded": integer, "loaded": integer, "errors": exactly([]), "directory": filled},
    # Unknown keys are told as warnings by the loaders ("Everywhere").
    extra={"warnings": listed(mapping)},
)
TRACE = Shape(
    {
        "rule_name": filled,
        "priority": integer,
        "enabled": boolean,
        "condition_display": filled,
        "result": one_of("matched", "not_matched", "skipped", "error"),
        "evaluation_duration_us": integer,
        "action": filled,
        "source": filled,
    },
    {
        "description": text,
        "skip_reason": text,
        "error": text,
        "modified_payload_preview": mapping,
        # Ours: why an operator was false (a missing or mistyped value).
        "notes": listed(filled),
    },
)
EVALUATION = Shape(
    {
        "verdict": one_of(*VERDICTS),
        "has_errors": boolean,
        "total_rules_evaluated": integer,
        "total_rules_skipped": integer,
        "evaluation_duration_us": integer,
        "trace": listed(TRACE),
        "context": Shape({"time": mapping, "environment_keys": listed(text)}, {"effective_timezone": filled}),
    },
    {"matched_rule": filled, "modified_payload": mapping},
    # The gates that would be asked, and the version that decided.
    extra={"gates": listed(filled), "ruleset_version": integer},
)
COVERAGE = Shape(
    {
        "scanned_from": time,
        "scanned_to": time,
        "total_actions": integer,
        "unique_combinations": integer,
        "fully_covered": integer,
        "partially_covered": integer,
        "uncovered": integer,
        "rules_loaded": integer,
        "entries": listed(
            Shape(
                {
                    "namespace": filled,
                    "tenant": filled,
                    "provider": filled,
                    "action_type": filled,
                    "total": integer,
                    "covered": integer,
                    "uncovered": integer,
                    "matched_rules": listed(filled),
                }
            )
        ),
        "unmatched_rules": listed(filled),
    }
)

# Audit --------------------------------------------------------------------------------------------------------
AUDIT_OUTCOMES = (
    *[
        "executed",
        "deduplicated",
        "suppressed",
        "rerouted",
        "throttled",
        "failed",
        "grouped",
        "state_changed",
        "pending_approval",
    ],
    *["chain_started", "circuit_open", "scheduled", "quota_exceeded"],
    *[
        "approval_approved",
        "approval_rejected",
        "approval_expired",
        "schedule_released",
        "schedule_cancelled",
    ],
    *["chain_step_completed", "chain_step_failed", "chain_step_skipped", "chain_step_retrying"],
    *["chain_completed", "chain_failed", "chain_cancelled", "chain_timed_out"],
)
RECORD = Shape(
    {
        "id": uuid,
        "action_id": filled,
        "chain_id": or_null(uuid),
        # Empty where the row belongs to no tenant: a circuit breaker's.
        "namespace": text,
        "tenant": text,
        "provider": text,
        "action_type": filled,
        "verdict": one_of(*VERDICTS),
        "matched_rule": or_null(filled),
        "outcome": one_of(*AUDIT_OUTCOMES),
        "action_payload": or_null(mapping),
        "payload": or_null(mapping),
        "verdict_details": mapping,
        "outcome_details": mapping,
        "metadata": mapping,
        "dispatched_at": time,
        "completed_at": time,
        "duration_ms": integer,
        "expires_at": or_null(time),
        "caller_id": text,
        "auth_method": text,
        "ruleset_version": or_null(integer),
        "request_id": text,
        "record_hash": or_null(text),
        "previous_hash": or_null(text),
        "sequence_number": or_null(integer),
    }
)
RECORDS = Shape(
    {"records": listed(RECORD), "limit": integer, "offset": integer},
    {"total": integer, "next_cursor": filled},
)
REPLAYED = Shape(
    {
        "original_action_id": filled,
        "new_action_id": or_null(filled),
        "success": boolean,
        "error": or_null(filled),
        "outcome": or_null(outcome),
    }
)
REPLAYS = Shape({"replayed": integer, "failed": integer, "skipped": integer, "results": listed(REPLAYED)})
VERIFICATION = Shape(
    {"valid": boolean, "records_checked": integer},
    {"first_broken_at": anything, "first_record_id": uuid, "last_record_id": uuid},
    # The tail that the relay has not sealed yet.
    extra={"unsealed_records": integer},
)

# Events -------------------------------------------------------------------------------------------------------
EVENT_KEYS: dict[str, Check] = {
    "fingerprint": filled,
    "state": filled,
    "action_type": filled,
    "updated_at": time,
}
EVENTS = wrapped("events", Shape(EVENT_KEYS))
MOVE = Shape({"from": text, "to": filled, "at": time, "actor": filled})
EVENT = Shape(
    {**EVENT_KEYS, "history": listed(MOVE), "allowed": listed(filled)},
    # The order's processing status, why it is so, and where it came from and runs.
    extra={"status": filled, "reason": text, "action_id": filled, "chain_id": or_null(uuid)},
)
TRANSITION = OUTCOMES["StateChanged"]
SCHEDULED_ROW = Shape(
    {
        "action_id": filled,
        "fingerprint": filled,
        "rule": or_null(filled),
        "status": filled,
        "scheduled_for": time,
    }
)
SCHEDULED = wrapped("scheduled", SCHEDULED_ROW)

# Approvals ----------------------------------------------------------------------------------------------------
APPROVAL = Shape(
    {
        "token": uuid,
        "status": filled,
        "rule": filled,
        "created_at": time,
        "expires_at": time,
        "decided_at": or_null(time),
        "message": text,
        "action_id": filled,
        "decided_by": or_null(filled),
    }
)
APPROVALS = wrapped("approvals", APPROVAL)
APPROVED = Shape({"id": uuid, "status": exactly("approved"), "outcome": outcome})
REJECTED = Shape({"id": uuid, "status": exactly("rejected"), "outcome": null})

# Quotas and retention -----------------------------------------------------------------------------------------
QUOTA = Shape(
    {
        "id": uuid,
        "namespace": filled,
        "tenant": filled,
        "provider": or_null(filled),
        "principal": or_null(filled),
        "per_principal": boolean,
        "max_actions": integer,
        "window": filled,
        "overage_behavior": filled,
        "enabled": boolean,
        "created_at": time,
        "updated_at": time,
        "description": text,
        "labels": texts,
    }
)
QUOTAS = wrapped("quotas", QUOTA)
USAGE = Shape(
    {
        "tenant": filled,
        "namespace": filled,
        "used": integer,
        "limit": integer,
        "remaining": integer,
        "window": filled,
        "resets_at": time,
        "overage_behavior": filled,
    }
)
POLICY = Shape(
    {
        "id": uuid,
        "namespace": filled,
        "tenant": filled,
        "enabled": boolean,
        "audit_ttl_seconds": or_null(integer),
        "state_ttl_seconds": or_null(integer),
        "event_ttl_seconds": or_null(integer),
        "compliance_hold": boolean,
        "description": text,
        "labels": texts,
        "created_at": time,
        "updated_at": time,
    }
)
POLICIES = wrapped("policies", POLICY)

# Chains -------------------------------------------------------------------------------------------------------
CHAIN_STATUS = one_of(
    *[
        "running",
        "completed",
        "failed",
        "cancelled",
        "timed_out",
        "waiting_sub_chain",
        "waiting_timer",
        "waiting_signal",
    ],
    "waiting_parallel",
)
CHAIN_KEYS: dict[str, Check] = {
    "chain_id": uuid,
    "chain_name": filled,
    "status": CHAIN_STATUS,
    "current_step": integer,
    "total_steps": integer,
    "started_at": time,
    "updated_at": time,
    "parent_chain_id": or_null(uuid),
}
CHAINS = wrapped("chains", Shape(CHAIN_KEYS))
STEP_STATUS = one_of("pending", "running", "completed", "failed", "skipped")
STEP = Shape(
    {
        "name": filled,
        "provider": text,
        "status": STEP_STATUS,
        "response_body": or_null(mapping),
        "error": or_null(filled),
        "completed_at": or_null(time),
        "attempt": integer,
        "max_retries": integer,
    }
)
INCIDENT = Shape(
    {
        "id": uuid,
        "chain_id": uuid,
        "chain_name": filled,
        "action_id": filled,
        "step": text,
        "reason": filled,
        "message": text,
        "opened_at": time,
        "resolved_at": or_null(time),
        "resolution": or_null(filled),
        "resolved_by": or_null(filled),
    }
)
CHAIN = Shape(
    {
        **CHAIN_KEYS,
        "namespace": filled,
        "tenant": filled,
        "steps": listed(STEP),
        "expires_at": or_null(time),
        "cancel_reason": or_null(filled),
        "cancelled_by": or_null(filled),
        "execution_path": listed(filled),
        "child_chain_ids": listed(uuid),
        "definition_version": or_null(integer),
    },
    # Why it failed, and what a parked run waits for ("shows waiting_signal and its incident").
    extra={"error": or_null(filled), "incident": or_null(INCIDENT)},
)
INCIDENTS = wrapped("incidents", INCIDENT)
# The contract names these paths and leaves their shapes open.
RESUMED = Shape(
    {
        "dry_run": boolean,
        "resumed": integer,
        "failed": integer,
        "incidents": listed(Shape(INCIDENT.keys, {"error": or_null(filled)})),
    }
)
DEAD_LETTER = Shape(
    {
        "chain_id": uuid,
        "chain_name": filled,
        "action_id": filled,
        "namespace": filled,
        "tenant": filled,
        "provider": text,
        "action_type": filled,
        "step": or_null(filled),
        "error": text,
        "attempts": integer,
        "timestamp": or_null(time),
    }
)
DEAD_LETTERS = wrapped("entries", DEAD_LETTER)
DEAD_LETTER_STATS = Shape({"enabled": boolean, "count": integer})
ATTEMPT = Shape(
    {
        "attempt": integer,
        "started_at": time,
        "completed_at": time,
        "success": boolean,
        "duration_ms": integer,
        "error": or_null(filled),
    }
)
HISTORY = Shape(
    {
        "chain_id": uuid,
        "chain_name": filled,
        "status": CHAIN_STATUS,
        "steps": listed(
            Shape(
                {
                    "name": filled,
                    "step_index": integer,
                    "current_attempt": integer,
                    "max_retries": integer,
                    "attempts": listed(ATTEMPT),
                }
            )
        ),
    }
)
# Ours: the contract has no such path. `success` null: under way, or nobody knows.
TIMELINE_ENTRY = Shape(
    {
        "chain_id": uuid,
        "chain_name": filled,
        "step": filled,
        "attempt": integer,
        "kind": one_of("call", "compensation"),
        "provider": filled,
        "action_type": filled,
        "idempotency_key": filled,
        "started_at": time,
        "completed_at": or_null(time),
        "duration_ms": or_null(integer),
        "success": or_null(boolean),
        "error": or_null(Shape({"code": code, "message": text})),
        "payload": mapping,
        "response_body": or_null(mapping),
    }
)
TIMELINE = Shape(
    {
        "chain_id": uuid,
        "chain_name": filled,
        "status": CHAIN_STATUS,
        "entries": listed(TIMELINE_ENTRY),
        "count": integer,
    }
)
NODE_KEYS: dict[str, Check] = {
    "name": filled,
    "node_type": one_of("step", "sub_chain", "parallel", "timer", "wait_for_signal"),
}
NODE_OPTIONAL: dict[str, Check] = {
    "provider": filled,
    "action_type": filled,
    "sub_chain_name": filled,
    "status": STEP_STATUS,
    "child_chain_id": uuid,
}


def node(value: Any, path: str) -> None:
    Shape(NODE_KEYS, {**NODE_OPTIONAL, "children": listed(node)})(value, path)


DAG = Shape(
    {
        "chain_name": filled,
        "nodes": listed(node),
        "edges": listed(
            Shape({"source": filled, "target": filled, "on_execution_path": boolean}, {"label": filled})
        ),
        "execution_path": listed(filled),
    },
    {"chain_id": uuid, "status": CHAIN_STATUS},
)
DEFINITION_ROW = Shape(
    {
        "name": filled,
        "steps_count": integer,
        "has_branches": boolean,
        "has_parallel": boolean,
        "has_sub_chains": boolean,
        "on_failure": one_of("abort", "abort_no_dlq"),
        "timeout_seconds": or_null(number),
        "version": integer,
    },
    extra={"enabled": boolean},
)
# The contract wraps this list without saying `count`; "Lists are wrapped objects with count" gives it one.
DEFINITIONS = wrapped("definitions", DEFINITION_ROW)

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
