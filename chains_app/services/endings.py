"""What a turn writes down when the machine stops a run: parked for a person, or ended."""

from __future__ import annotations

from datetime import datetime

from audit_app.services.journal import Journal
from chains_app.engine.ending import in_doubt, past_point_of_no_return, steps_to_undo
from chains_app.engine.moves import End, Park
from chains_app.listeners import listener_for
from chains_app.services.children import parent_wake
from chains_app.services.incidents import incident_close, incident_open
from chains_app.services.loaded_runs import LoadedRun, resting_turn
from chains_app.services.redacting import scrubbed
from chains_app.services.runs import Owner, run_of_notice, runs_insert
from chains_app.services.trail import audit_end, audit_run, has_own_trail
from chains_app.states import RunKind, RunStatus


def run_parked(loaded: LoadedRun, park: Park, now: datetime, journal: Journal) -> None:
    """Wait for a person. A bare call or a notice waits for nobody: it has failed."""
    run = loaded.run
    if not has_own_trail(run):
        state = loaded.state.step(park.step)
        end = End(RunStatus.FAILED, state.error or park.message, state.error_code or "TIMEOUT")
        run_ended(loaded, end, now, journal)
        return
    run.status, run.next_run_at, run.waits_since = RunStatus.WAITING_SIGNAL, None, now
    message = scrubbed(run, park.message)
    incident_open(run, step=park.step, reason=park.reason, message=message, now=now)
    details = {"step": park.step, "incident": park.reason, "message": message}
    audit_run(run, "chain_step_failed", details, journal)


def run_ended(loaded: LoadedRun, end: End, now: datetime, journal: Journal) -> None:
    """The run has its terminal status; the run above and the owner learn of it in the same transaction."""
    run, state = loaded.run, loaded.state
    run.status, run.ended_at, run.next_run_at = end.status, now, None
    state.error, state.error_code = scrubbed(run, end.error), end.error_code
    run.error, run.error_code = state.error, state.error_code
    run.dead_lettered_at = now if _is_dead_letter(loaded, end) else None
    if run.kind == RunKind.CHAIN:
        audit_end(loaded, end, journal)
        if end.status == RunStatus.CANCELLED:
            _notify_cancel(loaded, now)
    if end.status != RunStatus.COMPLETED:
        incident_close(run, end.status, now)
    parent_wake(run, now)
    listener = listener_for(run)
    if listener:
        loaded.write()  # it may look at the rows
        listener.ended(run, in_doubt=effect_stands(loaded), now=now, journal=journal)


def effect_stands(loaded: LoadedRun) -> bool:
    """Whether something was done at a provider that is not undone, or may have been."""
    turn = resting_turn(loaded)
    return in_doubt(turn) or bool(steps_to_undo(turn)) or past_point_of_no_return(turn)


def _is_dead_letter(loaded: LoadedRun, end: End) -> bool:
    """A whole order's run that failed, unless its chain says that nobody need look.

    Of bare calls: one of which nobody knows whether it took effect. Of notices: one that nobody else asks after.
    """
    run, definition = loaded.run, loaded.definition
    if run.parent_id or end.status not in (RunStatus.FAILED, RunStatus.TIMED_OUT):
        return False
    if run.kind == RunKind.SINGLE:
        return in_doubt(resting_turn(loaded))
    if run.kind == RunKind.NOTICE:
        return not run.owner_kind
    last = definition.step(loaded.state.cursor) if loaded.state.cursor else None
    return definition.on_failure == "abort" or (last is not None and last.on_failure == "dlq")


def _notify_cancel(loaded: LoadedRun, now: datetime) -> None:
    run, notice = loaded.run, loaded.definition.on_cancel
    if notice is None:
        return
    payload = {
        "chain_id": str(run.pk),
        "chain_name": run.chain_name,
        "action_id": run.action_id,
        "reason": run.cancel_reason,
        "cancelled_by": run.cancelled_by,
    }
    origin = {**run.origin, "payload": payload, "action_type": notice.action_type}
    runs_insert([run_of_notice(notice.provider, origin=origin, owner=Owner("", None), now=now)])
