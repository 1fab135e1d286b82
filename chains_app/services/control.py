"""What people ask of runs: cancel, resume, resolve an incident."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.errors import AppError, conflict, not_found
from acteon_site.base.retrying import retry_on_deadlock
from chains_app.engine.machine import point_passed
from chains_app.listeners import listener_for
from chains_app.models import Incident, Run, StepRun
from chains_app.services.held import RUN_FIELDS, held_load
from chains_app.services.runs import ADVANCE_TASK
from chains_app.states import TERMINAL, Phase, RunStatus, StepStatus, Undo


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
    held = held_load(run)
    if point_passed(held.definition, held.state):
        raise conflict("the run is past its point of no return", "POINT_OF_NO_RETURN")
    if run.cancel_requested_at is None:
        run.cancel_requested_at, run.cancel_reason, run.cancelled_by = now, reason, actor
        run.next_run_at = now
        run.save(update_fields=["cancel_requested_at", "cancel_reason", "cancelled_by", "next_run_at"])
        _close_incident(run, "cancelled", actor, now)
        ring_on_commit(ADVANCE_TASK, [str(run.pk)])
    return run


@retry_on_deadlock
def chain_cancel(*, run_id: UUID, actor: str, reason: str = "") -> Run:
    """`run_cancel` in a transaction of its own, the owner locked first."""
    with transaction.atomic():
        _lock_owner(run_id)
        return run_cancel(run_id=run_id, actor=actor, reason=reason, now=db_now())


@retry_on_deadlock
def run_retry(*, run_id: UUID, actor: str) -> Run:
    """Resume a failed or parked run at the step where it stopped, keeping earlier results and its version.

    Raises 404, and 409 where it is not stopped, or something of it was compensated.
    """
    with transaction.atomic():
        _lock_owner(run_id)
        run = _stopped_run(run_id)
        if run.steps.exclude(undo=Undo.NONE).exists():
            raise conflict("something of this run was compensated; place the order anew", "COMPENSATED")
        listener = listener_for(run)
        now = db_now()
        if run.status in TERMINAL and listener:
            listener.resumed(run, now=now)
        StepRun.objects.filter(run=run, status__in=(StepStatus.FAILED, StepStatus.PENDING)).update(
            status=StepStatus.PENDING, attempt=0, retry_at=None
        )
        _restart(run, now)
        _close_incident(run, "retried", actor, now)
    return run


@retry_on_deadlock
def run_skip_step(*, run_id: UUID, actor: str) -> Run:
    """Treat the step at which a parked run waits as done by other means, and go on after it."""
    with transaction.atomic():
        _lock_owner(run_id)
        run = _stopped_run(run_id)
        if run.status != RunStatus.WAITING_SIGNAL:
            raise not_running(run)
        now = db_now()
        held = held_load(run)
        name = held.state.cursor or ""
        StepRun.objects.filter(run=run, name=name).update(
            status=StepStatus.SKIPPED, unknown=False, completed_at=now
        )
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
    if run.status not in (RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.WAITING_SIGNAL):
        raise not_running(run)
    return run


def _restart(run: Run, now: datetime) -> None:
    """The time that the run stood still does not count against its deadline."""
    since = run.waits_since or run.ended_at
    if run.expires_at and since:
        run.expires_at += now - since
    run.status, run.phase, run.ending = RunStatus.RUNNING, Phase.FORWARD, ""
    run.ended_at = run.waits_since = None
    run.error = run.error_code = ""
    run.next_run_at = run.updated_at = now
    run.save(update_fields=RUN_FIELDS)
    ring_on_commit(ADVANCE_TASK, [str(run.pk)])


def _close_incident(run: Run, resolution: str, actor: str, now: datetime) -> None:
    Incident.objects.filter(run=run, resolved_at__isnull=True).update(
        resolved_at=now, resolution=resolution, resolved_by=actor
    )
