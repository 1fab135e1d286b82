"""Which totals an audit record adds to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

Key = tuple[str, str]  # name and label

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
    }
)
CHAIN_ENDS = {
    "chain_completed": "chains_completed",
    "chain_failed": "chains_failed",
    "chain_cancelled": "chains_cancelled",
    "chain_timed_out": "chains_timed_out",
}
_PROVIDER_RESULTS = {
    "chain_step_completed": "provider_successes",
    "chain_step_failed": "provider_failures",
    "chain_step_retrying": "provider_failures",
}
_DECISIONS = frozenset(
    {"approval_approved", "approval_rejected", "approval_expired", "schedule_released", "schedule_cancelled"}
)
_QUOTA_EFFECTS = {"warn": "quota_warned", "degrade": "quota_degraded", "notify": "quota_notified"}

# All that an audit record's outcome may be.
OUTCOMES = (
    DISPATCH_OUTCOMES
    | CHAIN_ENDS.keys()
    | _PROVIDER_RESULTS.keys()
    | _DECISIONS
    | {"state_changed", "chain_step_skipped"}
)

# What GET /metrics always shows, zero or not.
METRIC_NAMES = (
    "dispatched",
    *sorted(DISPATCH_OUTCOMES - {"chain_started"}),
    "state_changed",
    *sorted(_DECISIONS),
    "chains_started",
    *CHAIN_ENDS.values(),
    *_QUOTA_EFFECTS.values(),
    "retention_deleted_audit",
    "retention_deleted_state",
    "retention_deleted_events",
    "retention_skipped_compliance",
    "retention_errors",
)


def totals(records: Iterable[Mapping[str, Any]]) -> Counter[Key]:
    """What these records add; keys are name and label, the label a provider or empty."""
    found: Counter[Key] = Counter()
    for record in records:
        found.update(_keys(record))
    return found


def _keys(record: Mapping[str, Any]) -> list[Key]:
    outcome: str = record["outcome"]
    if outcome in CHAIN_ENDS:
        return [(CHAIN_ENDS[outcome], "")]
    if outcome in _PROVIDER_RESULTS:
        # Steps that end without a call (sub-chains, timers) and parked runs say nothing of a provider.
        called = bool(record["outcome_details"].get("called"))
        return [(_PROVIDER_RESULTS[outcome], record["provider"])] if called else []
    if outcome in DISPATCH_OUTCOMES:
        return [*_dispatch_keys(record, outcome), *_bare_call_keys(record, outcome)]
    # Other things change state too: circuit breakers, dead letters.
    moved = outcome == "state_changed" and bool(record["namespace"]) and record["verdict"] != "chain"
    return [(outcome, "")] if outcome in _DECISIONS or moved else []


def _dispatch_keys(record: Mapping[str, Any], outcome: str) -> list[Key]:
    """A release's outcome counts as an outcome; the action was dispatched long before."""
    details = record["verdict_details"]
    keys = [] if details.get("release") else [("dispatched", "")]
    if outcome != "chain_started":
        keys.append((outcome, ""))
    if outcome == "chain_started" or (outcome == "executed" and record["chain_id"] is not None):
        keys.append(("chains_started", ""))
    keys += [(_QUOTA_EFFECTS[effect], "") for effect in _quota_effects(details)]
    return keys


def _bare_call_keys(record: Mapping[str, Any], outcome: str) -> list[Key]:
    """What a call without a chain says of its provider."""
    details = record["outcome_details"]
    if outcome == "executed" and record["chain_id"] is None and record["provider"]:
        return [("provider_successes", record["provider"])]
    if outcome == "rerouted" and details.get("new_provider"):
        return [("provider_successes", details["new_provider"])]
    if outcome == "failed" and details.get("attempts") and record["provider"]:
        return [("provider_failures", record["provider"])]
    return []


def step_times(records: Iterable[Mapping[str, Any]]) -> Counter[Key]:
    """How many calls each step made and how long they took, in milliseconds; the label is chain/step."""
    found: Counter[Key] = Counter()
    for record in records:
        details = record["outcome_details"]
        if record["outcome"] in _PROVIDER_RESULTS and details.get("called") and details.get("chain_name"):
            label = f"{details['chain_name']}/{details['step']}"
            found["step_calls", label] += 1
            found["step_milliseconds", label] += record["duration_ms"]
    return found


def _quota_effects(details: Mapping[str, Any]) -> list[str]:
    quota = details.get("quota")
    effect = quota.get("overage") if isinstance(quota, Mapping) else quota
    return [effect] if isinstance(effect, str) and effect in _QUOTA_EFFECTS else []
