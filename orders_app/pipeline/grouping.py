"""Stage 5, Act: gather an action with others. Its call comes later (orders_app.services.groups)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from acteon_site.base.ids import new_id
from acteon_site.base.statements import json_text
from orders_app.contract import outcomes
from orders_app.models import ActionGroup, GroupedAction
from orders_app.pipeline.group_keys import group_key_of, labels_of
from orders_app.pipeline.items import Accepted, Decided, Processed
from orders_app.pipeline.journaling import journal_accepted
from orders_app.pipeline.rows import UnitOfWork
from orders_app.states import ClosedBy, GroupState
from rules_app.engine import Group, Rule
from rules_app.engine.counters import micros, moment_of
from rules_app.services.gates import Gate, group_gate_key

# What one call carries at most, whatever a rule says: it is closed with the action that reaches it.
MOST_BYTES = 4 * 1024 * 1024


def action_group(item: Decided, rule: Rule, action: Group, accepted: Accepted, unit: UnitOfWork) -> Processed:
    """Into the group that waits, or into a new one; what fills it closes it."""
    key = group_key_of(item, rule, action)
    gate = unit.state.gates[group_gate_key(key)]
    group = _waiting(gate, unit) or _opened(item, rule, action, key, unit)
    group.event_count += 1
    size = _size_before(gate, group) + len(json_text([item.origin]))
    unit.rows.grouped.append(
        GroupedAction.made(
            group_id=group.pk,
            action_id=item.row_id,
            position=group.event_count,
            body=item.origin,
            added_at=unit.now,
        )
    )
    if group.event_count >= action.most or size >= MOST_BYTES:
        _close(group, gate, action, unit)
    else:
        _keep(group, gate, action, size)
    outcome = outcomes.grouped(str(group.pk), group.event_count, group.notify_at)
    journal_accepted(item, outcome, accepted, unit)
    return Processed(item, outcome)


def _waiting(gate: Gate, unit: UnitOfWork) -> ActionGroup | None:
    """The group that still takes actions: it does until its time, however late it is sent."""
    data = gate.data
    if not data.get("group") or micros(unit.now) >= data["at"]:
        return None
    pk = UUID(data["group"])
    if pk not in unit.rows.groups:
        # Of its row only what changes (rows.GROUP_FIELDS) is looked at and written.
        unit.rows.groups[pk] = ActionGroup.made(
            id=pk,
            event_count=data["count"],
            notify_at=moment_of(data["at"]),
            next_run_at=moment_of(data["at"]),
        )
        unit.rows.groups[pk]._state.adding = False
    return unit.rows.groups[pk]


def _opened(item: Decided, rule: Rule, action: Group, key: str, unit: UnitOfWork) -> ActionGroup:
    act, due = item.action, _due(unit.state.gates[group_gate_key(key)].data, action, unit)
    shown = labels_of(action.group_by, act.with_payload(item.scrubber.payload))
    group = ActionGroup.made(
        id=new_id(),
        group_key=key,
        namespace=act.namespace,
        tenant=act.tenant,
        provider=act.provider,
        action_type=act.action_type,
        rule=rule.name,
        ruleset_version=item.ruleset_version,
        group_by=list(action.group_by),
        labels=item.scrubber.clean(shown),
        template=action.template,
        created_at=unit.now,
        notify_at=due,
        next_run_at=due,
    )
    unit.rows.groups[group.pk] = group
    return group


def _due(data: dict[str, Any], action: Group, unit: UnitOfWork) -> datetime:
    """When a new group is sent: after the wait, and where one of its key was sent lately, an interval after that."""
    now, next_one = micros(unit.now), data.get("at", 0) + action.group_interval_seconds * 1_000_000
    if data.get("at") and now < next_one:
        return moment_of(next_one)
    return moment_of(now + action.group_wait_seconds * 1_000_000)


def _size_before(gate: Gate, group: ActionGroup) -> int:
    return int(gate.data["bytes"]) if gate.data.get("group") == str(group.pk) else 0


def _keep(group: ActionGroup, gate: Gate, action: Group, size: int) -> None:
    data = {
        "group": str(group.pk),
        "count": group.event_count,
        "bytes": size,
        "at": micros(group.notify_at),
    }
    gate.put(data, group.notify_at + timedelta(seconds=action.group_interval_seconds))


def _close(group: ActionGroup, gate: Gate, action: Group, unit: UnitOfWork) -> None:
    group.state, group.closed_by = GroupState.FLUSHING, ClosedBy.SIZE
    group.notify_at = group.next_run_at = unit.now
    gate.put({"at": micros(unit.now)}, unit.now + timedelta(seconds=action.group_interval_seconds))
