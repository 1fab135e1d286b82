"""Which totals an audit record adds to. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from audit_app.records.sketch import micros_of
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
_NO_ORDERS = frozenset(
    ("rule_list", "evidence_export", "legal_hold", "silence", "time_interval", "retention_policy")
)
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
    """What these records add; keys are name and label: a provider, a rule, "chain/step", an outcome or empty.

    In one walk, while others wait to be numbered.
    """
    found: Counter[Key] = Counter()
    for record in records:
        outcome: str = record["outcome"]
        if outcome in STEP_OUTCOMES:
            _count_step(record, found)
        elif outcome in DISPATCH_OUTCOMES:
            _count_dispatch(record, outcome, found)
        elif outcome == "state_changed":
            _count_change(record, found)
        elif outcome in DECISIONS:
            found[outcome, ""] += 1
        # Chains inside a chain were not counted as started either.
        elif outcome in CHAIN_ENDS and not record["outcome_details"].get("parent_chain_id"):
            found[_CHAIN_TOTALS[outcome], ""] += 1
    return found


def _count_step(record: Mapping[str, Any], found: Counter[Key]) -> None:
    """By the call's own result: what a step came to may be something else, as where a failure is skipped.

    Steps that end without a call (sub-chains, timers) and parked runs say nothing of a provider.
    """
    details = record["outcome_details"]
    if not details.get("called"):
        return
    found[FAILURES if details.get("error") else SUCCESSES, record["provider"]] += 1
    if details.get("fallback_for"):
        found["circuit_fallbacks", ""] += 1
    if details.get("chain_name"):
        label = f"{details['chain_name']}/{details['step']}"
        took = _number(details.get("duration_us"), record["duration_ms"] * 1000)
        found[STEP_CLASS + STEP_BOUNDS[bisect_left(_BOUNDS_US, took)], label] += 1
        found[STEP_MICROSECONDS, label] += took


def _count_change(record: Mapping[str, Any], found: Counter[Key]) -> None:
    """Of orders and of circuit breakers; other things, dead letters and approvals for two, change state too."""
    details = record["outcome_details"]
    if record["namespace"]:
        if record["verdict"] not in ("chain", "request_approval") and _NO_ORDERS.isdisjoint(details):
            found["state_changed", ""] += 1
    elif "circuit_breaker" in details and details.get("from") != details.get("to"):
        found["circuit_transitions", ""] += 1


def _count_dispatch(record: Mapping[str, Any], outcome: str, found: Counter[Key]) -> None:
    """A release's outcome counts as an outcome; the action was dispatched long before, and its time says nothing."""
    details = record["verdict_details"]
    if not details.get("release"):
        found["dispatched", ""] += 1
        took = max(0, micros_of(record["completed_at"] - record["dispatched_at"]))
        found[DISPATCH_CLASS + STEP_BOUNDS[bisect_left(_BOUNDS_US, took)], outcome] += 1
        found[DISPATCH_MICROSECONDS, outcome] += took
    if outcome != "chain_started":
        found[outcome, ""] += 1
    if outcome == "chain_started" or (outcome == "executed" and record["chain_id"] is not None):
        found["chains_started", ""] += 1
    if record["matched_rule"]:
        found[RULE_OUTCOME + outcome, record["matched_rule"]] += 1
    for effect in _quota_effects(details) if "quota" in details else ():
        found[_QUOTA_TOTALS[effect], ""] += 1
    if "calls" in record["outcome_details"]:
        _count_bare_calls(record["outcome_details"], found)


def _count_bare_calls(details: Mapping[str, Any], found: Counter[Key]) -> None:
    """The calls that were made for a bare action, each under the provider that got it."""
    for provider, successes, failures in details["calls"]:
        found[SUCCESSES, provider] += _number(successes)
        found[FAILURES, provider] += _number(failures)
    found["circuit_fallbacks", ""] += _number(details.get("fallbacks"))


def _number(value: Any, otherwise: int = 0) -> int:
    """Redaction blanks also numbers that an order's secret fields hold: such a row must not hold up the relay."""
    return value if isinstance(value, int) else otherwise


def _quota_effects(details: Mapping[str, Any]) -> list[str]:
    quota = details.get("quota")
    noted = [quota.get("overage"), *quota.get("also", ())] if isinstance(quota, Mapping) else [quota]
    return [effect for effect in noted if isinstance(effect, str) and effect in _QUOTA_TOTALS]
