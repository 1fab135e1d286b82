"""The trail, orders and approvals."""

from __future__ import annotations

from tests.contract.shapes.dispatch import OUTCOMES, VERDICTS, outcome
from tests.contract.strict import (
    Check,
    Shape,
    anything,
    boolean,
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
    time,
    uuid,
    wrapped,
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
    *["chain_started", "circuit_open", "scheduled", "quota_exceeded", "silenced", "muted"],
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
GROUPED_RECORD = Shape(RECORD.keys, extra={"flush": or_null(RECORD)})
ANALYTICS_BUCKET = Shape(
    {"timestamp": time, "count": integer},
    {
        "group": text,
        "avg_duration_ms": number,
        "p50_duration_ms": number,
        "p95_duration_ms": number,
        "p99_duration_ms": number,
        "error_rate": number,
    },
)
ANALYTICS = Shape(
    {
        "metric": filled,
        "interval": filled,
        "from": time,
        "to": time,
        "buckets": listed(ANALYTICS_BUCKET),
        "total_count": integer,
    },
    {"top_entries": listed(Shape({"label": text, "count": integer, "percentage": number}))},
)
RECORDS = Shape(
    {"records": listed(RECORD), "limit": integer, "offset": integer},
    {"total": integer, "next_cursor": filled},
)
REPLAYED = Shape(
    {
        "original_action_id": filled,
        "new_action_id": text,
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
COMPLIANCE = Shape(
    {
        "mode": one_of("none", "soc2", "hipaa"),
        "sync_audit_writes": boolean,
        "immutable_audit": boolean,
        "hash_chain": boolean,
    }
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
REFUND_KEYS: dict[str, Check] = {
    "of": text,
    "amount_cents": integer,
    "refund": one_of("reserved", "paid", "released"),
}
LEDGER = Shape(
    {
        **{"charged_cents": or_null(integer), "currency": text, "why_not": text},
        **dict.fromkeys(("refunded_cents", "in_doubt_cents", "left_cents"), integer),
        "refunds": listed(
            Shape(
                {
                    **{"fingerprint": filled, "amount_cents": integer, "refund": filled, "state": filled},
                    **{"status": filled, "created_at": time},
                }
            )
        ),
    }
)
EVENT = Shape(
    {**EVENT_KEYS, "history": listed(MOVE), "allowed": listed(filled)},
    # The order's processing status, why it is so, and where it came from and runs.
    # Of what charges money what was given back of it, of a refund whose money it is.
    extra={
        **{"status": filled, "reason": text, "action_id": filled, "chain_id": or_null(uuid)},
        **{"ledger": or_null(LEDGER), "refund": or_null(Shape(REFUND_KEYS))},
    },
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

# Groups of actions --------------------------------------------------------------------------------------------
GROUP = Shape(
    {
        "group_id": uuid,
        "group_key": filled,
        "event_count": integer,
        "state": one_of("waiting", "flushing", "flushed", "failed"),
        "notify_at": time,
        "created_at": time,
    },
    # Why it is, whom it is for, what became of it.
    extra={
        **dict.fromkeys(("rule", "provider", "action_type"), filled),
        **{name: or_null(filled) for name in ("closed_by", "problem")},
        "ended_at": or_null(time),
    },
)
GROUPS = Shape({"groups": listed(GROUP), "total": integer})
GROUPED = Shape({"action_id": filled, "payload": mapping, "metadata": mapping, "received_at": time})
GROUP_DETAIL = Shape({"group": GROUP, "labels": mapping, "events": listed(GROUPED)})
GROUP_FLUSHED = Shape({"group_id": uuid, "event_count": integer, "status": filled})

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
