"""Errors, and what a dispatch answers."""

from __future__ import annotations

from typing import Any

from tests.contract.strict import (
    Check,
    Shape,
    boolean,
    code,
    exactly,
    filled,
    integer,
    listed,
    mapping,
    one_of,
    or_null,
    text,
    time,
    uuid,
)

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
    "Grouped": Shape({"group_id": uuid, "group_size": integer, "notify_at": time}),
    "CircuitOpen": Shape({"provider": filled, "fallback_chain": listed(filled)}),
    "QuotaExceeded": Shape({"tenant": filled, "limit": integer, "used": integer, "overage_behavior": filled}),
    "StateChanged": Shape(
        {"fingerprint": filled, "previous_state": filled, "new_state": filled, "notify": boolean}
    ),
    "Silenced": Shape({"silence_id": uuid, "matched_rule": text}),
    "Muted": Shape(
        {
            "interval": filled,
            "reason": one_of("mute_time_interval", "active_time_interval"),
            "matched_rule": filled,
        }
    ),
    "DryRun": Shape(
        {
            "verdict": one_of(*VERDICTS, "silenced", "muted"),
            "matched_rule": or_null(filled),
            "would_be_provider": filled,
        }
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
