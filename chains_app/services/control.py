"""What people ask of runs that are under way: cancel, signal. Those that stopped go on by resuming.py."""

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
from chains_app.models import Incident, Run, Signal, StepRun
from chains_app.services.held import held_load, resting_turn
from chains_app.services.owners import above
from chains_app.services.recording import scrubbed
from chains_app.services.runs import ADVANCE_TASK
from chains_app.states import TERMINAL, Phase, RunStatus, StepStatus


def not_running(run: Run) -> AppError:
    return conflict(f"the run is {run.status}", "NOT_RUNNING")


def run_cancel(*, run_id: UUID, actor: str, reason: str, now: datetime, incident: UUID | None = None) -> Run:
    """Ask a run to stop, inside the caller's transaction. Its call in flight is awaited, what is done is undone.

    Raises 404, and 409 where it has ended or is past its point of no return. A repeat changes nothing, unless the
    run has been parked since: then what it waits over is left behind. `incident`: the one that the person saw.
    """
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise not_found("no such run")
    if run.status in TERMINAL:
        raise not_running(run)
    if run.phase == Phase.UNDOING:
        raise conflict("the run is being undone already; its incident can be retried or skipped", "UNDOING")
    held = held_load(run)
    if point_passed(resting_turn(held)):
        raise conflict("the run is past its point of no return", "POINT_OF_NO_RETURN")
    parked = run.incidents.filter(resolved_at__isnull=True).first()
    if incident is not None and (parked is None or parked.pk != incident):
        raise incident_gone()
    if run.cancel_requested_at is None:
        run.cancel_requested_at, run.cancelled_by = now, actor
        run.cancel_reason = scrubbed(held, reason)
    elif parked is None:
        return run
    run.next_run_at = now
    run.save(update_fields=["cancel_requested_at", "cancel_reason", "cancelled_by", "next_run_at"])
    if parked is not None:
        _leave_behind(run, parked)
        close_incident(run, "cancelled", actor, now)
    ring_on_commit(ADVANCE_TASK, [str(run.pk)])
    return run


def incident_gone() -> AppError:
    return conflict("the run does not wait over this any more; look again", "INCIDENT_RESOLVED")


def _leave_behind(run: Run, incident: Incident) -> None:
    """A person cancels a run parked over an unknown outcome: it is left behind, and stays in doubt."""
    if incident.reason == UNKNOWN_OUTCOME:
        StepRun.objects.filter(run=run, name=incident.step).update(status=StepStatus.SKIPPED)


@retry_on_deadlock
def chain_cancel(*, run_id: UUID, actor: str, reason: str = "", incident: UUID | None = None) -> Run:
    """`run_cancel` in a transaction of its own, the owner locked first."""
    with transaction.atomic():
        lock_owner(run_id)
        return run_cancel(run_id=run_id, actor=actor, reason=reason, now=db_now(), incident=incident)


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


def lock_owner(run_id: UUID) -> None:
    """Lock the row whose run it is and the run at the top, which come before the run in the lock order."""
    above(run_id).lock(run_id)


def close_incident(run: Run, resolution: str, actor: str, now: datetime) -> None:
    Incident.objects.filter(run=run, resolved_at__isnull=True).update(
        resolved_at=now, resolution=resolution, resolved_by=actor
    )
