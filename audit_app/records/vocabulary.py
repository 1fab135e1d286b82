"""The closed vocabulary of audit records: every outcome and every verdict that one may have. Pure."""

from __future__ import annotations

# What a dispatch or a release came to.
DISPATCH_OUTCOMES = frozenset(
    {
        "executed",
        "deduplicated",
        "suppressed",
        "rerouted",
        "throttled",
        "failed",
        "grouped",
        "pending_approval",
        "chain_started",
        "circuit_open",
        "scheduled",
        "quota_exceeded",
        "silenced",
        "muted",
    }
)
CHAIN_ENDS = ("chain_completed", "chain_failed", "chain_cancelled", "chain_timed_out")
STEP_OUTCOMES = frozenset(
    {"chain_step_completed", "chain_step_failed", "chain_step_retrying", "chain_step_skipped"}
)
DECISIONS = frozenset(
    {"approval_approved", "approval_rejected", "approval_expired", "schedule_released", "schedule_cancelled"}
)
OUTCOMES = DISPATCH_OUTCOMES | STEP_OUTCOMES | DECISIONS | {*CHAIN_ENDS, "state_changed"}

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
