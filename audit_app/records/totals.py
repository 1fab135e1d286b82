"""Which totals an audit record adds to. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from audit_app.records.vocabulary import CHAIN_ENDS, DECISIONS, DISPATCH_OUTCOMES, STEP_OUTCOMES

Key = tuple[str, str]  # name and label

_CHAIN_TOTALS = {end: end.replace("chain_", "chains_", 1) for end in CHAIN_ENDS}
SUCCESSES, FAILURES = "provider_successes", "provider_failures"
_QUOTA_TOTALS = {"warn": "quota_warned", "degrade": "quota_degraded", "notify": "quota_notified"}

# Upper bounds of the classes in which calls of steps are counted, in seconds; the last class has none.
STEP_BOUNDS = (
    *("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5"),
    *("1.0", "2.5", "5.0", "10.0", "30.0", "60.0", "+Inf"),
)
STEP_CLASS, STEP_MICROSECONDS = "step_le_", "step_microseconds"
DISPATCH_CLASS, DISPATCH_MICROSECONDS = "dispatch_le_", "dispatch_microseconds"
RULE_OUTCOME = "rule_"
# Details of records that tell of something else than an order that changed its state.
_NO_ORDERS = frozenset(("rule_list", "evidence_export", "legal_hold"))
MICROSECOND = timedelta(microseconds=1)
_BOUNDS_US = [float(bound) * 1e6 for bound in STEP_BOUNDS]

# What GET /metrics always shows, zero or not.
METRIC_NAMES = (
    "dispatched",
    *sorted(DISPATCH_OUTCOMES - {"chain_started"}),
    "state_changed",
    *sorted(DECISIONS),
    "chains_started",
    *_CHAIN_TOTALS.values(),
    "circuit_transitions",
    "circuit_fallbacks",
    *_QUOTA_TOTALS.values(),
    "retention_deleted_audit",
    "retention_deleted_state",
    "retention_deleted_events",
    "retention_deleted_rollups",
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
        # Chains inside a chain were not counted as started either.
        return [] if record["outcome_details"].get("parent_chain_id") else [(_CHAIN_TOTALS[outcome], "")]
    if outcome in STEP_OUTCOMES:
        return _step_call_keys(record)
    if outcome in DISPATCH_OUTCOMES:
        return _dispatch_keys(record, outcome)
    if outcome == "state_changed":
        return _change_keys(record)
    return [(outcome, "")] if outcome in DECISIONS else []


def _step_call_keys(record: Mapping[str, Any]) -> list[Key]:
    """By the call's own result: what a step came to may be something else, as where a failure is skipped.

    Steps that end without a call (sub-chains, timers) and parked runs say nothing of a provider.
    """
    details = record["outcome_details"]
    if not details.get("called"):
        return []
    keys = [(FAILURES if details.get("error") else SUCCESSES, record["provider"])]
    return [*keys, ("circuit_fallbacks", "")] if details.get("fallback_for") else keys


def _change_keys(record: Mapping[str, Any]) -> list[Key]:
    """Of orders and of circuit breakers; other things, dead letters and approvals for two, change state too."""
    details = record["outcome_details"]
    if record["namespace"]:
        of_an_order = record["verdict"] not in ("chain", "request_approval") and _NO_ORDERS.isdisjoint(
            details
        )
        return [("state_changed", "")] if of_an_order else []
    moved = "circuit_breaker" in details and details.get("from") != details.get("to")
    return [("circuit_transitions", "")] if moved else []


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


def bare_calls(records: Iterable[Mapping[str, Any]]) -> Counter[Key]:
    """What bare actions' rows say of the calls that were made for them, each under the provider that got it."""
    found: Counter[Key] = Counter()
    for record in records:
        details = record["outcome_details"]
        if record["outcome"] in DISPATCH_OUTCOMES and "calls" in details:
            for provider, successes, failures in details["calls"]:
                found[SUCCESSES, provider] += _number(successes)
                found[FAILURES, provider] += _number(failures)
            found["circuit_fallbacks", ""] += _number(details.get("fallbacks"))
    return found


def dispatch_times(records: Iterable[Mapping[str, Any]]) -> Counter[Key]:
    """How long dispatches took from their arrival to what they came to, by outcome; releases waited and say nothing."""
    found: Counter[Key] = Counter()
    for record in records:
        outcome: str = record["outcome"]
        if outcome in DISPATCH_OUTCOMES and not record["verdict_details"].get("release"):
            took = max(0, (record["completed_at"] - record["dispatched_at"]) // MICROSECOND)
            found[DISPATCH_CLASS + STEP_BOUNDS[bisect_left(_BOUNDS_US, took)], outcome] += 1
            found[DISPATCH_MICROSECONDS, outcome] += took
    return found


def rule_outcomes(records: Iterable[Mapping[str, Any]]) -> Counter[Key]:
    """What the rule that decided made of an action, by outcome; the label is the rule."""
    return Counter(
        (RULE_OUTCOME + record["outcome"], record["matched_rule"])
        for record in records
        if record["matched_rule"] and record["outcome"] in DISPATCH_OUTCOMES
    )


def _number(value: Any, otherwise: int = 0) -> int:
    """Redaction blanks also numbers that an order's secret fields hold: such a row must not hold up the relay."""
    return value if isinstance(value, int) else otherwise


def step_times(records: Iterable[Mapping[str, Any]]) -> Counter[Key]:
    """How long calls of each step took, in microseconds and by class of STEP_BOUNDS; the label is chain/step."""
    found: Counter[Key] = Counter()
    for record in records:
        details = record["outcome_details"]
        if record["outcome"] in STEP_OUTCOMES and details.get("called") and details.get("chain_name"):
            label = f"{details['chain_name']}/{details['step']}"
            took = _number(details.get("duration_us"), record["duration_ms"] * 1000)
            found[STEP_CLASS + STEP_BOUNDS[bisect_left(_BOUNDS_US, took)], label] += 1
            found[STEP_MICROSECONDS, label] += took
    return found


def _quota_effects(details: Mapping[str, Any]) -> list[str]:
    quota = details.get("quota")
    noted = [quota.get("overage"), *quota.get("also", ())] if isinstance(quota, Mapping) else [quota]
    return [effect for effect in noted if isinstance(effect, str) and effect in _QUOTA_TOTALS]
