"""Asking a run to stop. Its call in flight is awaited, and what is done is undone."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.errors import conflict
from acteon_site.base.managed import MAX_ACTOR
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import Source
from audit_app.services.journal import Journal
from chains_app.engine.ending import UNKNOWN_OUTCOME, past_point_of_no_return
from chains_app.models import Incident, Run, StepRun
from chains_app.services.incidents import incidents_close, not_running, require_incident
from chains_app.services.loaded_runs import resting_turn, run_load
from chains_app.services.locks import lock_above, lock_run
from chains_app.services.redacting import scrubbed
from chains_app.services.runs import ADVANCE_TASK
from chains_app.services.trail import audit_run
from chains_app.states import TERMINAL, Phase, StepStatus


@retry_on_deadlock
def chain_cancel(
    *,
    run_id: UUID,
    actor: str,
    source: Source | None = None,
    reason: str = "",
    incident: UUID | None = None,
) -> Run:
    """`run_cancel` in a transaction of its own."""
    with transaction.atomic():
        lock_above(run_id)
        asked = {"actor": actor, "source": source, "reason": reason}
        return run_cancel(run_id=run_id, **asked, now=db_now(), incident=incident)  # type: ignore[arg-type]


def run_cancel(
    *,
    run_id: UUID,
    actor: str,
    reason: str,
    now: datetime,
    source: Source | None = None,
    incident: UUID | None = None,
) -> Run:
    """Ask a run to stop, inside the caller's transaction, which has locked its owner. Who asked, and from where, stands
    in the trail at once; how the run ends, and when, is another row.

    Raises 404, and 409 where it has ended or is past its point of no return. A repeat changes nothing, unless the
    run has been parked since: then what it waits over is left behind. `incident`: the one that the person saw.
    """
    run = lock_run(run_id)
    if incident is None and _is_being_cancelled(run):
        return run
    _require_cancellable(run)
    parked = require_incident(run, incident)
    if run.cancel_requested_at is None:
        # Cut: what stands for a redacted value may be longer than the value.
        run.cancel_requested_at, run.cancelled_by = now, scrubbed(run, actor)[:MAX_ACTOR]
        run.cancel_reason = scrubbed(run, reason)
    elif parked is None:
        return run
    run.next_run_at = now
    run.save(update_fields=["cancel_requested_at", "cancel_reason", "cancelled_by", "next_run_at"])
    _note(run, source)
    if parked is not None:
        _leave_in_doubt(parked)
        incidents_close([run.pk], "cancelled", now, actor)
    ring_on_commit(ADVANCE_TASK, [str(run.pk)])
    return run


def _note(run: Run, source: Source | None) -> None:
    if source is None:
        return
    journal = Journal(source)
    details = {"change": "asked to stop", "by": run.cancelled_by, "reason": run.cancel_reason}
    audit_run(run, "state_changed", details, journal)
    journal.write()


def _is_being_cancelled(run: Run) -> bool:
    """A cancel has it undone already, and nobody need look at that."""
    undoing = (
        run.status not in TERMINAL and run.phase == Phase.UNDOING and run.cancel_requested_at is not None
    )
    return undoing and not Incident.objects.filter(run=run, resolved_at__isnull=True).exists()


def _require_cancellable(run: Run) -> None:
    if run.status in TERMINAL:
        raise not_running(run)
    if run.phase == Phase.UNDOING:
        raise conflict("the run is being undone already; its incident can be retried or skipped", "UNDOING")
    if past_point_of_no_return(resting_turn(run_load(run))):
        raise conflict("the run is past its point of no return", "POINT_OF_NO_RETURN")


def _leave_in_doubt(incident: Incident) -> None:
    """A step of unknown outcome is skipped; the doubt stays, so that nobody takes the run for undone."""
    if incident.reason == UNKNOWN_OUTCOME:
        StepRun.objects.filter(run=incident.run_id, name=incident.step).update(status=StepStatus.SKIPPED)
