"""The gates as an action would have found them at an instant of the past: what the pipeline's gate stage asks then.

Slots, keys and uses are put together from what the trail says was accepted; orders and holds tell how long they lived.
Where that is not known any more, the gate is among the `unknown`, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from chains_app.selectors import providers
from orders_app.models import Hold
from orders_app.pipeline.content import content_hash
from orders_app.pipeline.gate_state import (
    CONTENT,
    GateState,
    dedup_gate_key,
    order_gate_key,
    quota_gate_key,
    quotas_of,
    throttle_gate_key,
    throttles_of,
)
from orders_app.pipeline.items import Decided
from orders_app.selectors import stored_actions
from orders_app.services.judging import Record
from orders_app.services.past_keys import PastGates, dedup_key_then, held_at, order_then
from orders_app.services.past_trail import PastTrail
from orders_app.states import HoldKind
from rules_app.engine import Rule, Throttle
from rules_app.engine.counters import micros, window_bounds
from rules_app.models import Quota
from rules_app.services.gates import Gate, gate_empty
from rules_app.services.quota_windows import QuotaSpec

_MOST_TURNS = 1_000


def gates_then(item: Decided, trail: PastTrail) -> PastGates:
    """For an action whose plan is made. Nothing is locked or written."""
    found = PastGates(_nothing(trail.at))
    _throttles(item, trail, found)
    _quotas(item, trail, found)
    if key := order_gate_key(item):
        found.state.gates[key] = gate_empty(key)
        order_then(item, key, trail, found)
    if key := dedup_gate_key(item):
        found.state.gates[key] = gate_empty(key)
        dedup_key_then(item, key, trail, found)
    _others_content(item, found.state)
    return found


def _nothing(at: datetime) -> GateState:
    return GateState(
        now=at,
        since=0.0,
        gates={},
        living={},
        holds={},
        originals={},
        providers=providers(),
        blocked={},
        find=lambda keys, names: ({key: gate_empty(key) for key in keys}, at, {}),
    )


# Throttles


def _throttles(item: Decided, trail: PastTrail, found: PastGates) -> None:
    """All of them by what came in the longest window."""
    rules = throttles_of(item)
    if not rules:
        return
    limits = {throttle_gate_key(item, rule): (rule, _throttle_of(rule)) for rule in rules}
    begin = trail.at - timedelta(seconds=max(limit.window_seconds for _, limit in limits.values()))
    most = max(limit.max_count for _, limit in limits.values())
    came = trail.accepted(item.action.namespace, item.action.tenant, begin, most)
    passed = _passed_before(item, came.records)
    turns = _turns(item, trail)
    for key, (rule, limit) in limits.items():
        after = trail.at - timedelta(seconds=limit.window_seconds)
        mine = [one for one in came.records if one.dispatched_at > after and _takes(one, item, rule)]
        slots = [
            micros(one.dispatched_at)
            for one in mine
            if key not in passed.get((one.action_id, _release_of(one)), ())
        ]
        reserved = sorted(micros(hold.due_at) for hold in turns if key not in hold.passed)
        slots += reserved
        found.state.gates[key] = Gate(key, {"slots": sorted(slots), "turns": reserved}, None)
        if came.lacks and len(slots) < limit.max_count:
            found.unknown[key] = came.lacks


def _throttle_of(rule: Rule) -> Throttle:
    assert isinstance(rule.action, Throttle)  # noqa: S101 - throttles_of gives no other
    return rule.action


def _takes(record: Record, item: Decided, rule: Rule) -> bool:
    return record.action_type == item.action.action_type and rule.name in record.details.get("gates", ())


def _release_of(record: Record) -> str:
    return str(record.details.get("release", ""))


def _passed_before(item: Decided, records: Iterable[Record]) -> dict[tuple[str, str], list[str]]:
    """By action and the rule that held it, the throttles that it had gone through before its release."""
    released = {record.action_id for record in records if record.is_release}
    if not released:
        return {}
    scope = {"namespace": item.action.namespace, "tenant": item.action.tenant}
    rows = Hold.objects.filter(**scope, action_id_text__in=released).order_by("created_at")
    return {(row[0], row[1]): row[2] for row in rows.values_list("action_id_text", "rule", "passed")}


def _turns(item: Decided, trail: PastTrail) -> list[Hold]:
    """Those that waited for their turn then; each had a slot ahead."""
    rows = Hold.objects.filter(
        namespace=item.action.namespace,
        tenant=item.action.tenant,
        kind=HoldKind.TURN,
        created_at__lt=trail.at,
    )
    newest = rows.select_related("action").defer("action__body").order_by("-created_at")[:_MOST_TURNS]
    return [
        hold
        for hold in newest
        if held_at(hold, trail.at) and hold.action.action_type == item.action.action_type
    ]


# Quotas


def _quotas(item: Decided, trail: PastTrail, found: PastGates) -> None:
    """How far each was used then, of those that there were. Their terms are those of today."""
    specs = quotas_of(item)
    made = dict(Quota.objects.filter(pk__in=[spec.id for spec in specs]).values_list("pk", "created_at"))
    for spec in specs:
        if made.get(spec.id, trail.at) < trail.at:
            _quota(item, spec, made[spec.id], trail, found)


def _quota(item: Decided, spec: QuotaSpec, made: datetime, trail: PastTrail, found: PastGates) -> None:
    key, (begin, end) = (
        quota_gate_key(item, spec, trail.at),
        window_bounds(spec.window, spec.window_seconds, trail.at),
    )
    principal = item.submission.caller.caller_id if spec.per_principal else spec.principal
    only = {"provider": spec.provider, "caller_id": principal}
    scope = {"namespace": spec.namespace, "tenant": spec.tenant}
    used, lacks = trail.count(scope, max(begin, made), **{name: one for name, one in only.items() if one})
    found.state.gates[key] = Gate(key, {"used": used}, end)
    if lacks and used < spec.max_actions:
        found.unknown[key] = lacks


def _others_content(item: Decided, state: GateState) -> None:
    """What waits and says something else, to be told apart from a repeat."""
    mine = content_hash(item.action)
    others = {hold.action_id for hold in state.holds.values() if hold.context.get(CONTENT) != mine}
    state.originals.update(stored_actions(others))
