"""The gates that an action meets, each with what it counted and whether it lets the action pass, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from acteon_site.base.clock_text import moment, span_in_words, span_text
from orders_app.pipeline.gate import quota_uses, throttle_slot
from orders_app.pipeline.gate_state import (
    GateState,
    calls_in_request,
    dedup_gate_key,
    dedup_of,
    hold_found,
    order_gate_key,
    quota_gate_key,
    throttle_gate_key,
    throttles_of,
)
from orders_app.pipeline.items import Decided
from orders_app.pipeline.refunds import ledger_told
from rules_app.engine import Deduplicate, Rule, Throttle
from rules_app.engine.counters import micros, moment_of
from rules_app.services.quota_windows import QuotaSpec
from rules_app.services.trying import GateTold


def gates_told(item: Decided, state: GateState, unknown: Mapping[str, str], *, past: bool) -> list[GateTold]:
    """In the order in which a dispatch asks them. `unknown`: by a gate's key, why nobody knows it."""
    told = [*_order(item, state, unknown), *_key(item, state, unknown), *_breaker(item, state, past=past)]
    told += [
        GateTold("ledger", passes, f"Ledger of the order: {text}")
        for passes, text in ledger_told(item, state.ledgers)
    ]
    told += [_quota(item, quota, used, state, unknown) for quota, used in quota_uses(item, state)]
    return told + [_throttle(item, rule, state, unknown) for rule in throttles_of(item)]


def _order(item: Decided, state: GateState, unknown: Mapping[str, str]) -> Iterator[GateTold]:
    key, hold = order_gate_key(item), hold_found(item, state)
    living = state.living.get(item.order_name) if item.order_name else None
    gate = state.gate(key)
    if hold is not None:
        yield GateTold(
            "order", False, f"It waits already, held by {hold.rule} as {hold.action_id_text}: a repeat"
        )
    elif living is not None:
        yield GateTold(
            "order", False, f"The order lives already, placed by {living.action_id_text}: a repeat"
        )
    elif gate and gate.data.get("reaped"):
        yield GateTold("order", False, "The order was finished before, and is kept no more: a repeat")
    elif key and key in unknown:
        yield GateTold("order", None, f"Whether the order lived already is not known: {unknown[key]}")


def _key(item: Decided, state: GateState, unknown: Mapping[str, str]) -> Iterator[GateTold]:
    rule, key = dedup_of(item), dedup_gate_key(item)
    if rule is None:
        return
    gate, span = state.gate(key), _span(_ttl(rule))
    before = f"in the {span} before {_at(state)}"
    first = gate.data.get("action_id") if gate and gate.data.get("action") else None
    if key and key in unknown:
        yield GateTold(
            rule.name, None, f"{rule.name}: whether its key was taken is not known: {unknown[key]}"
        )
    elif first:
        yield GateTold(rule.name, False, f"{rule.name}: its key was taken by {first}: a repeat")
    else:
        none = f"no other with its key {before}" if key else "it has no key, so it repeats none"
        yield GateTold(rule.name, True, f"{rule.name}: {none}: passes")


def _ttl(rule: Rule) -> int:
    return rule.action.ttl_seconds if isinstance(rule.action, Deduplicate) else 0


def _breaker(item: Decided, state: GateState, *, past: bool) -> Iterator[GateTold]:
    """Of the past nothing is on record: it is taken to have let the call pass."""
    if not calls_in_request(item):
        return
    name = f"Circuit breaker of {item.called_provider}"
    if past:
        yield GateTold(name, True, f"{name}: how it stood then is not on record; taken to let calls pass")
        return
    blocked = state.blocked.get(item.called_provider)
    yield GateTold(name, not blocked, f"{name}: {'refuses calls now' if blocked else 'lets calls pass'}")


def _quota(
    item: Decided, quota: QuotaSpec, used: int, state: GateState, unknown: Mapping[str, str]
) -> GateTold:
    name = f"Quota of {quota.max_actions}"
    key, ends = quota_gate_key(item, quota, state.now), quota.ends(state.now)
    if key in unknown:
        return GateTold(name, None, f"{name}: how far it was used is not known: {unknown[key]}")
    passes = used < quota.max_actions or quota.overage != "block"
    then = "passes" if used < quota.max_actions else f"used up, so it does this: {quota.overage_behavior}"
    counted = f"{used} of {quota.max_actions} used by {_at(state)}, of the window until {moment(ends)}"
    return GateTold(name, passes, f"{name}: {counted}: {then}")


def _throttle(item: Decided, rule: Rule, state: GateState, unknown: Mapping[str, str]) -> GateTold:
    """For example: 3 of 10 in the minute before 2026-11-20 12:00:00 UTC: passes."""
    limit, key = rule.action, throttle_gate_key(item, rule)
    assert isinstance(limit, Throttle)  # noqa: S101 - throttles_of gives no other
    if key in unknown:
        return GateTold(rule.name, None, f"{rule.name}: how many came is not known: {unknown[key]}")
    after = micros(state.now - timedelta(seconds=limit.window_seconds))
    count = sum(slot > after for slot in state.gates[key].data.get("slots", ()))
    slot = throttle_slot(item, rule, state)
    passes = slot <= micros(state.now)
    wait = span_text((moment_of(slot) - state.now).total_seconds() + 1)
    then = "passes" if passes else f"full, the next place is free in {wait}"
    counted = f"{count} of {limit.max_count} in the {_span(limit.window_seconds)} before {_at(state)}"
    return GateTold(rule.name, passes, f"{rule.name}: {counted}: {then}")


def _at(state: GateState) -> str:
    return moment(state.now)


def _span(seconds: int) -> str:
    """As it stands behind "the": minute, 90 seconds."""
    return span_in_words(seconds).removeprefix("1 ")
