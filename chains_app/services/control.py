"""What people ask of runs: cancel, signal, resume at the step where it stopped, or go on without that step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.errors import AppError, conflict, not_found
from acteon_site.base.retrying import retry_on_deadlock
from chains_app.engine.ending import UNKNOWN_OUTCOME, point_passed
from chains_app.listeners import listener_for
from chains_app.models import Incident, Run, Signal, StepRun
from chains_app.services.held import RUN_FIELDS, definition_of, held_load, resting_turn
from chains_app.services.runs import ADVANCE_TASK
from chains_app.states import TERMINAL, Phase, RunStatus, StepStatus, Undo

STOPPED = (RunStatus.FAILED, RunStatus.TIMED_OUT)
# What a step is set back to before it is called again by a person's word: also where nobody knew its outcome.
AFRESH = {
    "status": StepStatus.PENDING,
    "attempt": 0,
    "retry_at": None,
    "unknown": False,
    "first_called_at": None,
    "completed_at": None,
}


def not_running(run: Run) -> AppError:
    return conflict(f"the run is {run.status}", "NOT_RUNNING")


def run_cancel(*, run_id: UUID, actor: str, reason: str, now: datetime) -> Run:
    """Ask a run to stop, inside the caller's transaction. Its call in flight is awaited, what is done is undone.

    Raises 404, and 409 where it has ended or is past its point of no return. A repeat changes nothing.
    """
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise not_found("no such run")
    if run.status in TERMINAL:
        raise not_running(run)
    if run.phase == Phase.UNDOING:
        raise conflict("the run is being undone already", "UNDOING")
    if point_passed(resting_turn(held_load(run))):
        raise conflict("the run is past its point of no return", "POINT_OF_NO_RETURN")
    if run.cancel_requested_at is None:
        run.cancel_requested_at, run.cancel_reason, run.cancelled_by = now, reason, actor
        run.next_run_at = now
        run.save(update_fields=["cancel_requested_at", "cancel_reason", "cancelled_by", "next_run_at"])
        _leave_unknown_step(run)
        _close_incident(run, "cancelled", actor, now)
        ring_on_commit(ADVANCE_TASK, [str(run.pk)])
    return run


def _leave_unknown_step(run: Run) -> None:
    """A person cancels a run parked over an unknown outcome: it is left behind, and stays in doubt."""
    incident = Incident.objects.filter(run=run, resolved_at__isnull=True, reason=UNKNOWN_OUTCOME).first()
    if incident is not None:
        StepRun.objects.filter(run=run, name=incident.step).update(status=StepStatus.SKIPPED)


@retry_on_deadlock
def chain_cancel(*, run_id: UUID, actor: str, reason: str = "") -> Run:
    """`run_cancel` in a transaction of its own, the owner locked first."""
    with transaction.atomic():
        _lock_owner(run_id)
        return run_cancel(run_id=run_id, actor=actor, reason=reason, now=db_now())


@retry_on_deadlock
def run_signal(*, run_id: UUID, name: str, payload: Mapping[str, Any] | None, actor: str) -> Run:
    """Send a signal; one that no step waits for yet is kept. Raises 404, 409 where the run has ended."""
    with transaction.atomic():
        # Locked: a turn that is about to wait must see the signal, or be seen waiting.
        run = Run.objects.select_for_update().filter(pk=run_id).first()
        if run is None:
            raise not_found("no such run")
        if run.status in TERMINAL:
            raise not_running(run)
        now = db_now()
        Signal.objects.create(run=run, name=name, payload=dict(payload or {}), sent_by=actor, received_at=now)
        parked = run.incidents.filter(resolved_at__isnull=True).exists()
        if run.status == RunStatus.WAITING_SIGNAL and not parked:
            Run.objects.filter(pk=run.pk).update(next_run_at=now)
            ring_on_commit(ADVANCE_TASK, [str(run.pk)])
    return run


@retry_on_deadlock
def run_retry(*, run_id: UUID, actor: str) -> Run:
    """Resume a failed or parked run at the step where it stopped, keeping earlier results and its version.

    Raises 404, and 409 where it is not stopped, something of it was compensated, or the order was placed anew.
    """
    with transaction.atomic():
        _lock_owner(run_id)
        run, now = _stopped_run(run_id), db_now()
        if is_undoing(run):
            run.steps.filter(undo=Undo.FAILED).update(undo=Undo.PENDING, undo_attempt=0, retry_at=None)
        else:
            _resume(run, now)
        _restart(run, now)
        _close_incident(run, "retried", actor, now)
    return run


def is_undoing(run: Run) -> bool:
    return run.phase == Phase.UNDOING and run.status not in TERMINAL


def _resume(run: Run, now: datetime) -> None:
    if run.steps.exclude(undo=Undo.NONE).exists():
        raise conflict("something of this run was compensated; place the order anew", "COMPENSATED")
    listener = listener_for(run)
    if run.status in TERMINAL and listener:
        listener.resumed(run, now=now)
    run.phase = Phase.FORWARD
    definition = definition_of(run)
    step = definition.steps[run.current_step]
    if step.sub_chain or step.parallel:
        _resume_below(run, step.name, now)
        run.steps.filter(name=step.name).update(status=StepStatus.RUNNING, completed_at=None)
    else:
        run.steps.filter(name=step.name).update(**AFRESH)


def _resume_below(run: Run, step: str, now: datetime) -> None:
    """Its runs below go on too, with the keys that they had."""
    below = Run.objects.select_for_update().filter(parent=run, parent_step=step)
    for child in below.filter(status__in=(*STOPPED, RunStatus.CANCELLED)).order_by("started_at"):
        child.cancel_requested_at = None
        _resume(child, now)
        _restart(child, now)


@retry_on_deadlock
def run_skip_step(*, run_id: UUID, actor: str) -> Run:
    """Treat the step (or the compensation) at which a parked run waits as done by other means, and go on."""
    with transaction.atomic():
        _lock_owner(run_id)
        run, now = _stopped_run(run_id), db_now()
        incident = run.incidents.filter(resolved_at__isnull=True).first()
        if incident is None:
            raise not_running(run)
        waiting = run.steps.filter(name=incident.step)
        if is_undoing(run):
            waiting.update(undo=Undo.DONE, retry_at=None)
        else:
            waiting.update(status=StepStatus.SKIPPED, unknown=False, completed_at=now)
        _restart(run, now)
        _close_incident(run, "skipped", actor, now)
    return run


def _lock_owner(run_id: UUID) -> None:
    run = Run.objects.filter(pk=run_id).only("owner_kind", "owner_id").first()
    listener = listener_for(run) if run else None
    if run and listener and run.owner_id:
        listener.lock(run.owner_id)


def _stopped_run(run_id: UUID) -> Run:
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise not_found("no such run")
    parked = run.incidents.filter(resolved_at__isnull=True).exists()
    if not parked and (run.status not in STOPPED or run.parent_id):
        raise not_running(run)
    return run


def _restart(run: Run, now: datetime) -> None:
    """The time that the run stood still does not count against its deadline."""
    since = run.waits_since or run.ended_at
    if run.expires_at and since:
        run.expires_at += now - since
    if run.phase != Phase.UNDOING:
        run.ending = run.error = run.error_code = ""
    run.status, run.ended_at, run.waits_since, run.dead_lettered_at = RunStatus.RUNNING, None, None, None
    run.next_run_at = run.updated_at = now
    run.save(update_fields=[*RUN_FIELDS, "cancel_requested_at"])
    ring_on_commit(ADVANCE_TASK, [str(run.pk)])


def _close_incident(run: Run, resolution: str, actor: str, now: datetime) -> None:
    Incident.objects.filter(run=run, resolved_at__isnull=True).update(
        resolved_at=now, resolution=resolution, resolved_by=actor
    )
