"""Gates of rules in shadow: rows of their own, counted as if the rule were live, so that it is known whom it refuses.

They are locked, read and written with all other gates, by no statement of their own. What a gate in shadow would refuse
takes no place in it; what is refused otherwise does not either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from orders_app.pipeline.items import Decided
from rules_app.engine import Deduplicate, Rule, Throttle, Trial
from rules_app.engine.counters import micros, moment_of, next_slot, slots_after
from rules_app.engine.trials import SHADOW
from rules_app.services.gates import Gate, shadow_key
from rules_app.trial_facts import PASSED, REFUSED_BY


def shadow_gate_keys(item: Decided) -> list[str]:
    """Of those that it can come to, whatever the counters say."""
    return [key for rule in _in_shadow(item) if (key := _key(item, rule))]


def _in_shadow(item: Decided) -> Iterable[Rule]:
    if item.again:
        return (rule for rule in item.possible if rule.shadow)
    return (trial.rule for trial in item.plan.trials if trial.side == SHADOW)


def _key(item: Decided, rule: Rule) -> str:
    """Empty where the rule is no gate, or no other action can be its repeat."""
    action = item.action
    if isinstance(rule.action, Throttle):
        return shadow_key(action.namespace, action.tenant, rule.name, action.action_type)
    if isinstance(rule.action, Deduplicate) and (action.given_id or action.dedup_key):
        return shadow_key(
            action.namespace, action.tenant, rule.name, action.action_type, f"key {action.dedup_value}"
        )
    return ""


def shadow_would(
    item: Decided, trial: Trial, gates: Mapping[str, Gate], now: datetime, *, accepted: bool
) -> str:
    """Whether a gate in shadow would have let it pass; then, and where it was accepted, it takes its place there.

    Of other rules, and where the gates were not asked: what the trial says.
    """
    gate, action = gates.get(_key(item, trial.rule)), trial.rule.action
    if trial.side != SHADOW or gate is None or trial.would not in REFUSED_BY:
        return trial.would
    free = _has_room(action, gate, now) if isinstance(action, Throttle) else not gate.data
    if free and accepted:
        _take(action, gate, now)
    return PASSED if free else REFUSED_BY[trial.would]


def _has_room(limit: Throttle, gate: Gate, now: datetime) -> bool:
    slots = list(gate.data.get("slots", ()))
    return next_slot(slots, micros(now), limit.max_count, limit.window_seconds) <= micros(now)


def _take(action: object, gate: Gate, now: datetime) -> None:
    if isinstance(action, Throttle):
        slots = slots_after(gate.data.get("slots", []), micros(now), micros(now), action.window_seconds)
        gate.put({"slots": slots}, moment_of(slots[-1]) + timedelta(seconds=action.window_seconds))
    elif isinstance(action, Deduplicate):
        gate.put({"taken": True}, now + timedelta(seconds=action.ttl_seconds))
