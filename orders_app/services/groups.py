"""Groups are sent: closed, so that nothing comes into them any more, and then handed over to a run of one step.

Both halves are due by the row and repeatable. A group gets one run, under the lock of its row; from there on the call
is that of any bare action: recorded as started before it is made, under one Idempotency-Key, retried, swept, behind the
provider's breaker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import rfc3339
from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.errors import AppError
from acteon_site.base.many_rows import rows_update
from acteon_site.base.retrying import database_is_away, retry_on_deadlock
from acteon_site.base.source import SYSTEM_SOURCE, Source
from chains_app.models import Run
from chains_app.services.runs import ADVANCE_TASK, Owner, run_of_single, runs_insert
from orders_app.contract.actions import Action, stored_action
from orders_app.models import ActionGroup, GroupedAction
from orders_app.pipeline.enrich import action_enrich
from orders_app.pipeline.group_keys import labels_of
from orders_app.states import ClosedBy, GroupState
from rules_app.engine.counters import micros
from rules_app.services.gates import gates_lock, gates_write, group_gate_key

log = structlog.get_logger()
LONGEST_PAUSE = timedelta(seconds=60)
CLOSED_FIELDS = ["state", "notify_at", "next_run_at", "closed_by", "closed_for"]
EVENTS = "events"


def groups_sweep(*, limit: int = 50) -> int:
    """Send what is due, the longest due first. Returns how many were worked on."""
    due = ActionGroup.objects.filter(next_run_at__lte=db_now()).order_by("next_run_at", "id")
    ids = list(due.values_list("pk", flat=True)[:limit])
    groups_flush(ids)
    return len(ids)


def groups_flush(group_ids: Sequence[UUID]) -> None:
    """Those of them that are due. One that cannot be sent harms no other."""
    if group_ids:
        _close(group_ids)
    for group_id in group_ids:
        _send_or_put_aside(group_id)


def group_flush_now(*, group_id: UUID, source: Source = SYSTEM_SOURCE) -> ActionGroup:
    """Close it whatever its time, and make its run. One that is closed already stays as it is."""
    _close([group_id], for_whom=source)
    _send_or_put_aside(group_id)
    return ActionGroup.objects.get(pk=group_id)


@retry_on_deadlock
def _close(group_ids: Sequence[UUID], *, for_whom: Source | None = None) -> None:
    """Their gate rows first, as dispatch takes them: whoever adds to one has been, or finds it closed."""
    with transaction.atomic():
        waiting = ActionGroup.objects.filter(pk__in=group_ids, state=GroupState.WAITING)
        keys = {group_gate_key(key) for key in waiting.values_list("group_key", flat=True)}
        if not keys:
            return
        gates, now = gates_lock(keys)
        # Read again: what waited for the locks may have added, or closed.
        found = waiting.all().select_for_update().order_by("pk")
        closed = [group for group in found if for_whom is not None or group.notify_at <= now]
        for group in closed:
            gate = gates[group_gate_key(group.group_key)]
            _closed(group, now, for_whom)
            if gate.data.get("group") == str(group.pk):
                gate.put({"at": micros(group.notify_at)}, gate.expires_at)
        gates_write(gates.values())
        rows_update(closed, CLOSED_FIELDS)


def _closed(group: ActionGroup, now: datetime, for_whom: Source | None) -> None:
    early = group.notify_at > now
    group.state = GroupState.FLUSHING
    group.closed_by = ClosedBy.PERSON if early else ClosedBy.TIME
    group.closed_for = asdict(for_whom) if early and for_whom else {}
    group.notify_at = min(group.notify_at, now)
    group.next_run_at = now


def _send_or_put_aside(group_id: UUID) -> None:
    try:
        _send(group_id)
    except Exception as error:  # of one group; it must not stand before all that is due after it
        if database_is_away(error):
            raise
        log.exception("group_not_sent", exc_info=error, group_id=str(group_id))
        _put_aside(group_id, error)


@retry_on_deadlock
def _send(group_id: UUID) -> None:
    with transaction.atomic():
        now = db_now()
        group = _to_send(group_id, now)
        if group is None:
            return
        run = _run_of(group, list(group.members.order_by("position")), now)
        runs_insert([run])
        group.run_id, group.next_run_at, group.problem = run.pk, None, ""
        group.save(update_fields=["run_id", "next_run_at", "problem"])
        ring_on_commit(ADVANCE_TASK, [str(run.pk)])


def _to_send(group_id: UUID, now: datetime) -> ActionGroup | None:
    """Locked. What another process has locked is left to it."""
    closed = ActionGroup.objects.filter(state=GroupState.FLUSHING, run_id=None, next_run_at__lte=now)
    return closed.select_for_update(skip_locked=True).filter(pk=group_id).first()


def _put_aside(group_id: UUID, error: Exception) -> None:
    """Kept, tried again, and visible as a problem."""
    problem = (
        error.message if isinstance(error, AppError) else "its call cannot be prepared; the log says why"
    )
    with transaction.atomic():
        group = ActionGroup.objects.select_for_update().filter(pk=group_id, run_id=None).first()
        if group is not None:
            pause = min(timedelta(seconds=5 << min(group.attempts, 5)), LONGEST_PAUSE)
            group.attempts, group.problem, group.next_run_at = group.attempts + 1, problem, db_now() + pause
            group.save(update_fields=["attempts", "problem", "next_run_at"])


def _run_of(group: ActionGroup, members: Sequence[GroupedAction], now: datetime) -> Run:
    action = group_call(group, members)
    reply = {
        "verdict": "group",
        "rule": group.rule,
        "degraded": False,
        "details": {},
        "ruleset": group.ruleset_version,
        "received_at": rfc3339(group.created_at),
        "closed_for": group.closed_for or asdict(SYSTEM_SOURCE),
    }
    owner = Owner("group", group.pk)
    return run_of_single(group.provider, origin=action.stored(), owner=owner, now=now, reply=reply)


def group_call(group: ActionGroup, members: Sequence[GroupedAction]) -> Action:
    """What is sent, as an action. Raises 422 where its template profile is gone, or cannot be rendered."""
    actions = [stored_action(member.body) for member in members]
    payload = {
        "group_id": str(group.pk),
        "group_key": group.group_key,
        "labels": labels_of(group.group_by, actions[0]) if actions else {},
        "count": len(actions),
        EVENTS: [_event(action, member) for action, member in zip(actions, members, strict=True)],
    }
    tainted = {name for action in actions for name in action.tainted}
    call = Action(
        group.namespace,
        group.tenant,
        group.provider,
        group.action_type,
        payload,
        id=str(group.pk),
        given_id=False,
        template=group.template,
    )
    rendered = action_enrich(call)
    if group.template:  # which says what is told of them
        rendered = rendered.with_payload({k: v for k, v in rendered.payload.items() if k != EVENTS})
    return replace(rendered, tainted=tuple(sorted({*rendered.tainted, *tainted})))


def _event(action: Action, member: GroupedAction) -> Mapping[str, Any]:
    return {
        "id": action.id,
        "action_type": action.action_type,
        "payload": action.payload,
        "metadata": action.metadata,
        "received_at": rfc3339(member.added_at),
    }
