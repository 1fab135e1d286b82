"""The gates as an action would have found them at an instant of the past: what the pipeline's gate stage asks then.

Slots, keys and uses are put together from what the trail says was accepted; orders and holds tell how long they lived.
Where that is not known any more, the gate is among the `unknown`, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from acteon_site.base.names import spellings
from chains_app.selectors import providers
from orders_app.models import Action, Hold, Order
from orders_app.pipeline.content import content_hash
from orders_app.pipeline.gate_state import (
    CONTENT,
    GateState,
    dedup_gate_key,
    dedup_of,
    order_gate_key,
    quota_gate_key,
    quotas_of,
    throttle_gate_key,
    throttles_of,
)
from orders_app.pipeline.items import Decided
from orders_app.selectors import OrderKey, stored_actions
from orders_app.services.judging import Record
from orders_app.services.past_dispatches import originals_of
from orders_app.services.past_trail import Accepted, PastTrail
from orders_app.states import HoldKind, OrderStatus
from rules_app.engine import Deduplicate, Rule, Throttle
from rules_app.engine.counters import micros, window_bounds
from rules_app.models import GateRow, Quota
from rules_app.services.gates import Gate, gate_empty
from rules_app.services.quota_windows import QuotaSpec
from rules_app.services.rule_history import rule_set_of

_MOST_TURNS = 1_000
_OPEN_STATUS = {HoldKind.APPROVAL: OrderStatus.HELD}


@dataclass(slots=True)
class PastGates:
    """`state` is as the pipeline reads it; `unknown` says by a gate's key what is not known of it."""

    state: GateState
    unknown: dict[str, str] = field(default_factory=dict)


def gates_then(item: Decided, trail: PastTrail) -> PastGates:
    """For an action whose plan is made. Nothing is locked or written."""
    found = PastGates(_nothing(trail.at))
    _throttles(item, trail, found)
    _quotas(item, trail, found)
    if key := order_gate_key(item):
        found.state.gates[key] = gate_empty(key)
        _order(item, key, trail, found)
    if key := dedup_gate_key(item):
        found.state.gates[key] = gate_empty(key)
        _dedup_key(item, key, trail, found)
    _others_content(item, found.state)
    return found


def _nothing(at: datetime) -> GateState:
    return GateState(
        now=at,
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
        slots += [micros(hold.due_at) for hold in turns if key not in hold.passed]
        found.state.gates[key] = Gate(key, {"slots": sorted(slots)}, None)
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
        if _held_at(hold, trail.at) and hold.action.action_type == item.action.action_type
    ]


def _held_at(hold: Hold, at: datetime) -> bool:
    return hold.created_at < at and (hold.ended_at is None or hold.ended_at > at)


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


# Orders and dedup keys


def _order(item: Decided, key: str, trail: PastTrail, found: PastGates) -> None:
    """The order of that name that lived then, and in what it waited."""
    name = item.order_name
    assert name is not None  # noqa: S101 - who has a key has a name
    own = trail.own.row if trail.own else None
    rows = Order.objects.filter(namespace=name[0], tenant=name[1], fingerprint__in=spellings(name[2]))
    lived = (row for row in rows.exclude(action_id=own) if _lived_at(row, trail.at))
    if order := next(lived, None):
        _note_living(name, order, trail, found.state)
    elif GateRow.objects.filter(pk=key, data__reaped=True).exists():
        found.unknown[key] = (
            "an order of that name is kept no more, and nobody knows since when it was placed"
        )
    elif gone := trail.gone({"namespace": name[0], "tenant": name[1]}, trail.at):
        found.unknown[key] = gone


def _lived_at(order: Order, at: datetime) -> bool:
    ended = None if order.living else order.finished_at
    return order.created_at < at and (ended is None or ended > at)


def _note_living(name: OrderKey, order: Order, trail: PastTrail, state: GateState) -> None:
    then = copy(order)
    hold = next((one for one in order.holds.all() if _held_at(one, trail.at)), None)
    then.status = (
        _OPEN_STATUS.get(HoldKind(hold.kind), OrderStatus.SCHEDULED) if hold else OrderStatus.PROCESSING
    )
    state.living[name] = then
    if hold:
        state.holds[str(order.pk)] = hold


def _dedup_key(item: Decided, key: str, trail: PastTrail, found: PastGates) -> None:
    action, rule = item.action, dedup_of(item)
    ttl = rule.action.ttl_seconds if rule and isinstance(rule.action, Deduplicate) else 0
    held = Hold.objects.filter(
        namespace=action.namespace, tenant=action.tenant, action_id_text=action.dedup_value
    ).exclude(action_id=trail.own.row if trail.own else None)
    if hold := next((one for one in held if _held_at(one, trail.at)), None):
        found.state.gates[key].put(_held_by(hold), None)
        found.state.holds[str(hold.pk)] = hold
        return
    if rule is None or _told_itself(item, rule, trail, found.state.gates[key]):
        return
    came = trail.accepted(action.namespace, action.tenant, trail.at - timedelta(seconds=ttl))
    for record, row in _same_key(item, came):
        taken = _taken_by(record, row, rule, trail)
        if taken is not None and taken[1] > trail.at:
            found.state.gates[key].put(taken[0], taken[1])
            return
    if came.lacks and not _still_taken(key, trail, found.state.gates[key]):
        found.unknown[key] = came.lacks


def _told_itself(item: Decided, rule: Rule, trail: PastTrail, gate: Gate) -> bool:
    """Where the trail says of what is tried whether that very rule found its key taken."""
    record = trail.own.record if trail.own and trail.own.at == trail.at else None
    if record is None or record.action_type != item.action.action_type:
        return False
    details = record.verdict_details
    if rule.name not in details.get("gates", ()) or "repeat_of" in details:
        return False
    if details.get("dedup_reason") == "dedup_key":
        first = details.get("first_action", "")
        gate.put({"action": first, "action_id": first}, None)
    return True


def _held_by(hold: Hold) -> dict[str, str]:
    return {"hold": str(hold.pk), "action": str(hold.action_id), "action_id": hold.action_id_text}


def _same_key(item: Decided, came: Accepted) -> Iterator[tuple[Record, str]]:
    """Those with the action's key, the newest first, with the id of what is stored of each."""
    records = [one for one in came.records if one.action_type == item.action.action_type]
    originals = originals_of(records)
    for record in reversed(records):
        original = originals.take(record)
        submitted = original.submitted() if original else None
        if original and submitted and submitted.dedup_value == item.action.dedup_value:
            yield record, str(original.id)


def _taken_by(
    record: Record, row: str, rule: Rule, trail: PastTrail
) -> tuple[dict[str, str], datetime] | None:
    """What stands in the key's row, and until when; None where it was given back by then."""
    order = Order.objects.filter(action_id=row).first()
    freed = not _lived_at(order, trail.at) if order else record.outcome == "failed"
    if freed:
        return None
    ends = record.dispatched_at + timedelta(seconds=_ttl_then(record, rule))
    return {"action": row, "action_id": record.action_id}, ends


def _ttl_then(record: Record, rule: Rule) -> int:
    """By the rules that decided, or by that of today where they are not known. 0: it took no key."""
    rules = rule_set_of(record.ruleset_version)
    named = {one.name: one.action for one in rules.rules} if rules else {rule.name: rule.action}
    then = (named.get(name) for name in record.details.get("gates", ()))
    return next((one.ttl_seconds for one in then if isinstance(one, Deduplicate)), 0)


def _still_taken(key: str, trail: PastTrail, gate: Gate) -> bool:
    """By its row, where that has not changed hands since."""
    row = GateRow.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=trail.at), pk=key).first()
    owner = row.data.get("action") if row else None
    came = owner and Action.objects.filter(pk=owner, received_at__lt=trail.at).exists()
    if row is None or not came or (trail.own and str(trail.own.row) == owner):
        return False
    gate.put(row.data, row.expires_at)
    return True


def _others_content(item: Decided, state: GateState) -> None:
    """What waits and says something else, to be told apart from a repeat."""
    mine = content_hash(item.action)
    others = {hold.action_id for hold in state.holds.values() if hold.context.get(CONTENT) != mine}
    state.originals.update(stored_actions(others))
