"""Which totals an audit record adds to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from audit_app.records.vocabulary import CHAIN_ENDS, DECISIONS, DISPATCH_OUTCOMES

Key = tuple[str, str]  # name and label

_CHAIN_TOTALS = {end: end.replace("chain_", "chains_", 1) for end in CHAIN_ENDS}
_PROVIDER_TOTALS = {
    "chain_step_completed": "provider_successes",
    "chain_step_failed": "provider_failures",
    "chain_step_retrying": "provider_failures",
}
_QUOTA_TOTALS = {"warn": "quota_warned", "degrade": "quota_degraded", "notify": "quota_notified"}

# What GET /metrics always shows, zero or not.
METRIC_NAMES = (
    "dispatched",
    *sorted(DISPATCH_OUTCOMES - {"chain_started"}),
    "state_changed",
    *sorted(DECISIONS),
    "chains_started",
    *_CHAIN_TOTALS.values(),
    *_QUOTA_TOTALS.values(),
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
        return [(_CHAIN_TOTALS[outcome], "")]
    if outcome in _PROVIDER_TOTALS:
        # Steps that end without a call (sub-chains, timers) and parked runs say nothing of a provider.
        called = bool(record["outcome_details"].get("called"))
        return [(_PROVIDER_TOTALS[outcome], record["provider"])] if called else []
    if outcome in DISPATCH_OUTCOMES:
        return [*_dispatch_keys(record, outcome), *_bare_call_keys(record, outcome)]
    # Other things change state too: circuit breakers, dead letters.
    moved = outcome == "state_changed" and bool(record["namespace"]) and record["verdict"] != "chain"
    return [(outcome, "")] if outcome in DECISIONS or moved else []


def _dispatch_keys(record: Mapping[str, Any], outcome: str) -> list[Key]:
    """A release's outcome counts as an outcome; the action was dispatched long before."""
    details = record["verdict_details"]
    keys = [] if details.get("release") else [("dispatched", "")]
    if outcome != "chain_started":
        keys.append((outcome, ""))
    if outcome == "chain_started" or (outcome == "executed" and record["chain_id"] is not None):
        keys.append(("chains_started", ""))
    keys += [(_QUOTA_TOTALS[effect], "") for effect in _quota_effects(details)]
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
        if record["outcome"] in _PROVIDER_TOTALS and details.get("called") and details.get("chain_name"):
            label = f"{details['chain_name']}/{details['step']}"
            found["step_calls", label] += 1
            found["step_milliseconds", label] += record["duration_ms"]
    return found


def _quota_effects(details: Mapping[str, Any]) -> list[str]:
    quota = details.get("quota")
    effect = quota.get("overage") if isinstance(quota, Mapping) else quota
    return [effect] if isinstance(effect, str) and effect in _QUOTA_TOTALS else []
