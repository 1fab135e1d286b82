"""Names and keys that were taken at an instant of the past: by orders that lived, by what waited, by what had come."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from acteon_site.base.names import spellings
from orders_app.models import Action, Hold, Order
from orders_app.pipeline.gate_state import (
    GateState,
    dedup_of,
)
from orders_app.pipeline.items import Decided
from orders_app.selectors import OrderKey
from orders_app.services.judging import Record
from orders_app.services.past_dispatches import originals_of
from orders_app.services.past_trail import Accepted, PastTrail
from orders_app.states import HoldKind, OrderStatus
from rules_app.engine import Deduplicate, Rule
from rules_app.models import GateRow
from rules_app.services.gates import Gate
from rules_app.services.rule_history import rule_set_of

_OPEN_STATUS = {HoldKind.APPROVAL: OrderStatus.HELD}


@dataclass(slots=True)
class PastGates:
    """`state` is as the pipeline reads it; `unknown` says by a gate's key what is not known of it."""

    state: GateState
    unknown: dict[str, str] = field(default_factory=dict)


def held_at(hold: Hold, at: datetime) -> bool:
    return hold.created_at < at and (hold.ended_at is None or hold.ended_at > at)


def order_then(item: Decided, key: str, trail: PastTrail, found: PastGates) -> None:
    """The order of that name that lived then, and in what it waited."""
    name = item.order_name
    assert name is not None  # noqa: S101 - who has a key has a name
    rows = Order.objects.filter(namespace=name[0], tenant=name[1], fingerprint__in=spellings(name[2]))
    lived = (row for row in rows.exclude(trail.of_own) if _lived_at(row, trail.at))
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
    hold = next((one for one in order.holds.all() if held_at(one, trail.at)), None)
    then.status = (
        _OPEN_STATUS.get(HoldKind(hold.kind), OrderStatus.SCHEDULED) if hold else OrderStatus.PROCESSING
    )
    state.living[name] = then
    if hold:
        state.holds[str(order.pk)] = hold


def dedup_key_then(item: Decided, key: str, trail: PastTrail, found: PastGates) -> None:
    action, rule = item.action, dedup_of(item)
    ttl = rule.action.ttl_seconds if rule and isinstance(rule.action, Deduplicate) else 0
    held = Hold.objects.filter(
        namespace=action.namespace, tenant=action.tenant, action_id_text=action.dedup_value
    ).exclude(trail.of_own)
    if hold := next((one for one in held if held_at(one, trail.at)), None):
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
