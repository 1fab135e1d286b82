"""Stage 4, the deciding half: one action against the locked ledger, in the design's order of checks.

The first check that trips decides, and then nothing is consumed. A judgement changes the ledger in memory, so
that the next action of the set meets what this one has taken.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chains_app.selectors import definitions
from orders_app import outcomes
from orders_app.models import Hold
from orders_app.pipeline.hold_answers import hold_outcome
from orders_app.pipeline.items import Accepted, Decided, Judgement, Refused
from orders_app.pipeline.ledger import (
    HOLDING,
    REFUSING,
    Ledger,
    dedup_gate_key,
    dedup_of,
    order_gate_key,
    quotas_of,
    runs_a_chain,
    target_of,
    throttle_gate_key,
    throttles_of,
)
from orders_app.states import WAITING
from rules_app.engine import Reroute, Rule, StartChain, Throttle
from rules_app.engine.counters import micros, moment_of, next_slot, slots_after
from rules_app.services.quota_windows import QuotaSpec


def judge(item: Decided, ledger: Ledger) -> Judgement:
    refusal = (
        _by_verdict(item)
        or _already_held(item, ledger)
        or _duplicate(item, ledger)
        or _uncallable(item, ledger)
        or _over_quota(item, ledger)
        or _too_fast(item, ledger)
    )
    return refusal or _consume(item, ledger)


def _by_verdict(item: Decided) -> Refused | None:
    plan = item.plan
    if plan.failed:
        message = f"rule {plan.failed.rule!r} cannot be evaluated: {plan.failed.message}"
        outcome = outcomes.failed("CONFIGURATION", message, retryable=True, attempts=0)
        return Refused(outcome, plan.verdict, plan.failed.rule)
    if plan.verdict in REFUSING and plan.rule is not None:
        return Refused(outcomes.suppressed(plan.rule.name), plan.verdict, plan.rule.name)
    return None


def _already_held(item: Decided, ledger: Ledger) -> Refused | None:
    """The same order, or the same dedup key, waits already: its own answer again, its payload untouched."""
    hold = None if item.hold else _hold_of_order(item, ledger) or _hold_of_key(item, ledger)
    if hold is None:
        return None
    verdict = "request_approval" if hold.kind == "approval" else "schedule"
    return Refused(hold_outcome(hold), verdict, hold.rule, {"repeat_of": hold.action_id_text})


def _hold_of_order(item: Decided, ledger: Ledger) -> Hold | None:
    order = ledger.living.get(item.order_name) if item.order_name else None
    return ledger.holds.get(str(order.pk)) if order and order.status in WAITING else None


def _hold_of_key(item: Decided, ledger: Ledger) -> Hold | None:
    gate = ledger.gate(dedup_gate_key(item))
    return ledger.holds.get(gate.data.get("hold", "")) if gate else None


def _duplicate(item: Decided, ledger: Ledger) -> Refused | None:
    if item.hold is not None:
        return None  # a key never trips on its own action
    rule, gate = dedup_of(item), ledger.gate(dedup_gate_key(item))
    if rule and gate and gate.data.get("action"):
        return Refused(
            outcomes.deduplicated("dedup_key"),
            "deduplicate",
            rule.name,
            {"first_action": gate.data["action_id"]},
        )
    if item.order_name is None:
        return None
    living, reaped = ledger.living.get(item.order_name), ledger.gate(order_gate_key(item))
    if living is None and not (reaped and reaped.data.get("reaped")):
        return None
    details: dict[str, object] = (
        {"first_action": living.action_id_text} if living else {"finished_before": True}
    )
    return Refused(outcomes.deduplicated("living_order"), "deduplicate", None, details)


def _uncallable(item: Decided, ledger: Ledger) -> Refused | None:
    plan, rule = item.plan, item.plan.rule.name if item.plan.rule else None
    for name in (item.action.provider, target_of(item)):
        if name not in ledger.providers:
            return Refused(outcomes.provider_not_found(name), plan.verdict, rule)
    if plan.rule and isinstance(plan.rule.action, StartChain) and (lack := _lacks(plan.rule.action.chain)):
        message = f"rule {plan.rule.name!r} starts a chain that {lack}: {plan.rule.action.chain!r}"
        return Refused(
            outcomes.failed("CONFIGURATION", message, retryable=True, attempts=0), plan.verdict, rule
        )
    blocked = ledger.blocked.get(target_of(item))
    if blocked and plan.verdict not in HOLDING and not runs_a_chain(item):
        return Refused(outcomes.circuit_open(blocked.provider, blocked.fallback_chain), plan.verdict, rule)
    return None


def _lacks(chain_name: str) -> str:
    """Why the chain cannot be started, if so."""
    chain = definitions().get(chain_name)
    if chain is None:
        return "does not exist"
    return "" if chain.enabled else "is disabled"


def _over_quota(item: Decided, ledger: Ledger) -> Refused | None:
    for quota, used in _quota_uses(item, ledger):
        if used >= quota.max_actions and quota.overage == "block":
            outcome = outcomes.quota_exceeded(
                item.action.tenant, quota.max_actions, used, quota.overage_behavior
            )
            return Refused(outcome, item.plan.verdict, None, {"quota_id": str(quota.id)})
    return None


def _quota_uses(item: Decided, ledger: Ledger) -> list[tuple[QuotaSpec, int]]:
    """How far each quota is used that this action would count in. A released action was counted when it came."""
    if item.hold is not None:
        return []
    uses = []
    for quota in quotas_of(item, ledger.caller_id):
        gate = ledger.gates.get(quota.key(ledger.caller_id, ledger.now))
        if gate is not None:
            uses.append((quota, int(gate.data.get("used", 0))))
    return uses


def _too_fast(item: Decided, ledger: Ledger) -> Refused | None:
    now = micros(ledger.now)
    for rule in throttles_of(item):
        slot = _slot(item, rule, ledger)
        if slot > now:
            turn = moment_of(slot)
            return Refused(outcomes.throttled(turn - ledger.now), "throttle", rule.name, turn_at=turn)
    return None


def _slot(item: Decided, rule: Rule, ledger: Ledger) -> int:
    assert isinstance(rule.action, Throttle)  # noqa: S101 - throttles_of gives no other
    key, now = throttle_gate_key(item, rule), micros(ledger.now)
    if key in item.passed:
        return now
    return next_slot(_slots(item, key, ledger), now, rule.action.max_count, rule.action.window_seconds)


def _slots(item: Decided, key: str, ledger: Ledger) -> list[int]:
    """The slots taken, without the one that this very action had reserved while it waited for its turn."""
    slots = list(ledger.gates[key].data.get("slots", ()))
    reserved = reserved_slot(item)
    if reserved in slots:
        slots.remove(reserved)
    return slots


def reserved_slot(item: Decided) -> int | None:
    return micros(item.hold.due_at) if item.hold and item.hold.kind == "turn" else None


def _consume(item: Decided, ledger: Ledger) -> Accepted:
    passed = [*item.passed]
    for rule in throttles_of(item):
        key = throttle_gate_key(item, rule)
        if key not in item.passed:
            throttle_take(item, rule, ledger, micros(ledger.now))
            passed.append(key)
    _take_dedup_key(item, ledger)
    target, warnings = _count_quotas(item, ledger)
    if item.plan.rule and isinstance(item.plan.rule.action, Reroute):
        target = item.plan.rule.action.target_provider
    return Accepted(target, tuple(passed), warnings)


def throttle_take(item: Decided, rule: Rule, ledger: Ledger, slot: int) -> None:
    """Note the slot as taken (or reserved, where it lies ahead)."""
    assert isinstance(rule.action, Throttle)  # noqa: S101 - throttles_of gives no other
    key, window = throttle_gate_key(item, rule), rule.action.window_seconds
    slots = slots_after(_slots(item, key, ledger), slot, micros(ledger.now), rule.action.max_count, window)
    ledger.gates[key].put({"slots": slots}, moment_of(slots[-1]) + timedelta(seconds=window))


def _take_dedup_key(item: Decided, ledger: Ledger) -> None:
    """Own the key: for the rule's TTL, or (while held) until the hold ends."""
    rule, gate = dedup_of(item), ledger.gate(dedup_gate_key(item))
    holds = item.plan.verdict in HOLDING
    if gate is None or not (rule or holds):
        if gate is not None and item.hold is not None:
            gate.clear()  # it was owned while the action was held
        return
    ttl = getattr(rule.action, "ttl_seconds", 0) if rule else 0
    row = str(item.hold.action_id) if item.hold else str(item.row_id)
    expires = None if holds else _later(gate.expires_at, ledger.now + timedelta(seconds=ttl))
    gate.put({"action": row, "action_id": item.action.id, "ttl": ttl}, expires)


def _later(one: datetime | None, other: datetime) -> datetime:
    return max(one.astimezone(UTC), other) if one else other


def _count_quotas(item: Decided, ledger: Ledger) -> tuple[str | None, tuple[QuotaSpec, ...]]:
    target, warnings = None, []
    for quota, used in _quota_uses(item, ledger):
        gate = ledger.gates[quota.key(ledger.caller_id, ledger.now)]
        gate.put({"used": used + 1}, quota.ends(ledger.now))
        if used >= quota.max_actions:
            warnings.append(quota)
            target = quota.overage_target if quota.overage == "degrade" else target
    return target, tuple(warnings)
