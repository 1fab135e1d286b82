"""Stage 4, Gate, the deciding half: one action against the locked state, in the design's order of checks.

The first check that trips decides, and then nothing is consumed. An action that passes consumes its gates in
memory, so that the next one of the set finds what this one has taken.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from operator import itemgetter

from chains_app.selectors import definitions
from orders_app.contract import outcomes
from orders_app.pipeline.content import differs, fields_that_differ
from orders_app.pipeline.counting import counters_take
from orders_app.pipeline.gate_state import (
    HOLDING,
    REFUSING,
    GateState,
    calls_in_request,
    dedup_gate_key,
    dedup_of,
    hold_found,
    order_gate_key,
    quota_gate_key,
    quotas_of,
    throttle_gate_key,
    throttles_of,
)
from orders_app.pipeline.hold_answers import hold_outcome
from orders_app.pipeline.items import Accepted, Contradicted, Decided, GateResult, Refused
from orders_app.pipeline.muting import muted_outcome
from orders_app.pipeline.refunds import refund_refused, refund_reserve
from orders_app.selectors import profile_named
from orders_app.states import HoldKind
from rules_app.engine import Group, Rule, StartChain, Throttle
from rules_app.engine.counters import micros, moment_of, next_slot, slots_after, slots_kept, turn_slot
from rules_app.services.gates import slots_put, slots_without
from rules_app.services.quota_windows import QuotaSpec


def action_gate(item: Decided, state: GateState) -> GateResult:
    """Refused, or accepted with its gates consumed in `state`; nothing is stored here."""
    refusal = (
        _refused_by_rules(item)
        or _muted(item)
        or _already_held(item, state)
        or _duplicate(item, state)
        or _not_callable(item, state)
        or refund_refused(item, state.ledgers)
        or _over_quota(item, state)
        or _throttled(item, state)
    )
    return refusal or _consume(item, state)


def _refused_by_rules(item: Decided) -> Refused | None:
    plan = item.plan
    if plan.failed:
        message = f"rule {plan.failed.rule!r} cannot be evaluated: {plan.failed.message}"
        return Refused(outcomes.misconfigured(message), plan.verdict, plan.failed.rule)
    if plan.verdict in REFUSING and plan.rule is not None:
        return Refused(outcomes.suppressed(plan.rule.name), plan.verdict, plan.rule.name)
    return None


def _muted(item: Decided) -> Refused | None:
    """The verdict of the rules stands in the trail all the same: what would have become of it."""
    muting = item.muted
    if muting is None:
        return None
    return Refused(muted_outcome(muting), item.plan.verdict, muting.rule or None)


def _already_held(item: Decided, state: GateState) -> Refused | Contradicted | None:
    """The same order, or the same dedup key, waits already: its own answer again, its payload untouched.

    Where something else was sent this time that answer would be a lie: refused, with the fields that differ.
    """
    hold = hold_found(item, state)
    if hold is None:
        return None
    first = state.originals.get(hold.action_id)
    if first is not None and (names := fields_that_differ(first, item.action)):
        return Contradicted(differs([item.scrubber.text(name) for name in names]))
    verdict = "request_approval" if hold.kind == HoldKind.APPROVAL else "schedule"
    return Refused(hold_outcome(hold), verdict, hold.rule, {"repeat_of": hold.action_id_text})


def _duplicate(item: Decided, state: GateState) -> Refused | None:
    if item.hold is not None:
        return None  # a key never trips on its own action
    return _key_taken(item, state) or _order_lives(item, state)


def _key_taken(item: Decided, state: GateState) -> Refused | None:
    rule, gate = dedup_of(item), state.gate(dedup_gate_key(item))
    if rule is None or gate is None or not gate.data.get("action"):
        return None
    first = {"first_action": gate.data["action_id"]}
    return Refused(outcomes.deduplicated("dedup_key"), "deduplicate", rule.name, first)


def _order_lives(item: Decided, state: GateState) -> Refused | None:
    """An order of this name is living, or was finished and then removed by retention."""
    if item.order_name is None:
        return None
    living, gate = state.living.get(item.order_name), state.gate(order_gate_key(item))
    if living is None and not (gate and gate.data.get("reaped")):
        return None
    details: dict[str, object] = (
        {"first_action": living.action_id_text} if living else {"finished_before": True}
    )
    return Refused(outcomes.deduplicated("living_order"), "deduplicate", None, details)


def _not_callable(item: Decided, state: GateState) -> Refused | None:
    """A provider or chain that does not exist, or a breaker that is open."""
    plan, called = item.plan, item.called_provider
    for name in (item.action.provider, called):
        if name not in state.providers:
            return Refused(outcomes.provider_not_found(name), plan.verdict, item.rule_name)
    if plan.rule and isinstance(plan.rule.action, StartChain) and (lack := _lacks(plan.rule.action.chain)):
        message = f"rule {plan.rule.name!r} starts a chain that {lack}: {plan.rule.action.chain!r}"
        return Refused(outcomes.misconfigured(message), plan.verdict, item.rule_name)
    if lack := _not_groupable(item):
        return Refused(outcomes.misconfigured(lack), plan.verdict, item.rule_name)
    blocked = state.blocked.get(called)
    if blocked and calls_in_request(item):
        outcome = outcomes.circuit_open(blocked.provider, blocked.fallback_chain)
        return Refused(outcome, plan.verdict, item.rule_name)
    return None


def _not_groupable(item: Decided) -> str:
    """Why its rule cannot group the action; empty where it can, or does not. An order is carried out by itself."""
    rule, action = item.plan.rule, item.action
    if rule is None or not isinstance(rule.action, Group):
        return ""
    scope, why = (
        (action.namespace, action.tenant),
        f"rule {rule.name!r} groups actions of type {action.action_type!r}",
    )
    if item.lifecycle is not None:
        return f"{why}, which the lifecycle {item.lifecycle.spec.name!r} makes orders"
    chain = definitions().chain_for(*scope, action.action_type)
    if chain is not None:
        return f"{why}, which the chain {chain.definition.name!r} carries out"
    template = rule.action.template
    if template and profile_named(*scope, template) is None:
        return f"rule {rule.name!r} names a template profile that does not exist here: {template!r}"
    return ""


def _lacks(chain_name: str) -> str:
    """Why the chain cannot be started; empty where it can."""
    chain = definitions().get(chain_name)
    if chain is None:
        return "does not exist"
    return "" if chain.enabled else "is disabled"


def _over_quota(item: Decided, state: GateState) -> Refused | None:
    for quota, used in quota_uses(item, state):
        if used >= quota.max_actions and quota.overage == "block":
            outcome = outcomes.quota_exceeded(
                item.action.tenant, quota.max_actions, used, quota.overage_behavior
            )
            return Refused(outcome, item.plan.verdict, None, {"quota_id": str(quota.id)})
    return None


def quota_uses(item: Decided, state: GateState) -> list[tuple[QuotaSpec, int]]:
    """How far each quota is used that this action counts in: none on a release, it was counted when it was held."""
    if item.hold is not None:
        return []
    uses = []
    for quota in quotas_of(item):
        gate = state.gates.get(quota_gate_key(item, quota, state.now))
        if gate is not None:
            uses.append((quota, int(gate.data.get("used", 0))))
    return uses


def _throttled(item: Decided, state: GateState) -> Refused | None:
    """By the throttle that has room last; then each has."""
    slots = [(throttle_slot(item, rule, state), rule.name) for rule in throttles_of(item)]
    slot, name = max(slots, key=itemgetter(0), default=(0, ""))
    if slot <= micros(state.now):
        return None
    turn = moment_of(slot)
    return Refused(outcomes.throttled(turn - state.now), "throttle", name, turn_at=turn)


def throttle_slot(item: Decided, rule: Rule, state: GateState) -> int:
    assert isinstance(rule.action, Throttle)  # noqa: S101 - throttles_of gives no other
    key, now = throttle_gate_key(item, rule), micros(state.now)
    if key in item.passed:
        return now
    data = state.gates[key].data
    slots: list[int] = data.get("slots", [])
    if reserved_slot(item) is not None:
        turns = data.get("turns", [])
        return turn_slot(slots, turns, now, rule.action.max_count, rule.action.window_seconds)
    return next_slot(slots, now, rule.action.max_count, rule.action.window_seconds)


def reserved_slot(item: Decided) -> int | None:
    return micros(item.hold.due_at) if item.hold and item.hold.kind == HoldKind.TURN else None


def _consume(item: Decided, state: GateState) -> Accepted:
    passed = [*item.passed]
    for rule in throttles_of(item):
        key = throttle_gate_key(item, rule)
        if key not in item.passed:
            throttle_take(item, rule, state, micros(state.now))
            passed.append(key)
    _take_dedup_key(item, state)
    refund_reserve(item, state.ledgers)
    over_quota = _count_quotas(item, state)
    degraded = [quota.overage_target for quota in over_quota if quota.overage == "degrade"]
    target = item.reroute_target or (degraded[-1] if degraded else None)
    return Accepted(target, tuple(passed), over_quota, counters_take(item, state))


def throttle_take(item: Decided, rule: Rule, state: GateState, slot: int) -> None:
    """Note the slot as taken (or reserved, where it lies ahead)."""
    assert isinstance(rule.action, Throttle)  # noqa: S101 - throttles_of gives no other
    gate, window = state.gates[throttle_gate_key(item, rule)], rule.action.window_seconds
    now = micros(state.now)
    slots, turns = slots_without(gate, reserved_slot(item))
    slots = slots_after(slots, slot, now, window)
    turns = slots_after(turns, slot, now, window) if slot > now else slots_kept(turns, now, window)
    slots_put(gate, slots, turns, moment_of(slots[-1]) + timedelta(seconds=window))


def turn_reserve(item: Decided, state: GateState, turn: datetime) -> None:
    """In every throttle that it has still to pass: two that are full would send it to and fro else."""
    for rule in throttles_of(item):
        if throttle_gate_key(item, rule) not in item.passed:
            throttle_take(item, rule, state, micros(turn))


def _take_dedup_key(item: Decided, state: GateState) -> None:
    """Own the key: for the rule's TTL, or (while held) until the hold ends."""
    rule, gate = dedup_of(item), state.gate(dedup_gate_key(item))
    holds = item.plan.verdict in HOLDING
    if gate is None:
        return
    if rule is None and not holds:
        if item.hold is not None:
            gate.clear()  # it was owned while the action was held
        return
    ttl = getattr(rule.action, "ttl_seconds", 0) if rule else 0
    expires = None if holds else _later(gate.expires_at, state.now + timedelta(seconds=ttl))
    gate.put({"action": str(item.row_id), "action_id": item.action.id, "ttl": ttl}, expires)


def _later(one: datetime | None, other: datetime) -> datetime:
    return max(one.astimezone(UTC), other) if one else other


def _count_quotas(item: Decided, state: GateState) -> tuple[QuotaSpec, ...]:
    """Count the action in its quotas; gives those that it exceeds."""
    exceeded = []
    for quota, used in quota_uses(item, state):
        gate = state.gates[quota_gate_key(item, quota, state.now)]
        gate.put({"used": used + 1}, quota.ends(state.now))
        if used >= quota.max_actions:
            exceeded.append(quota)
    return tuple(exceeded)
