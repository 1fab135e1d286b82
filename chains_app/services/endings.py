"""What a turn writes down when the machine stops a run: parked for a person, or ended."""

from __future__ import annotations

from chains_app.engine.ending import in_doubt, past_point_of_no_return, steps_to_undo
from chains_app.engine.moves import End, Park
from chains_app.listeners import Ended
from chains_app.models import Incident
from chains_app.services.loaded_runs import LoadedRun, resting_turn
from chains_app.services.redacting import scrubbed
from chains_app.services.runs import Owner, run_of_notice
from chains_app.services.trail import audit_end, audit_run, has_own_trail
from chains_app.services.units import Unit
from chains_app.states import RunKind, RunStatus


def run_parked(loaded: LoadedRun, park: Park, unit: Unit) -> None:
    """Wait for a person. A bare call or a notice waits for nobody: it has failed."""
    run = loaded.run
    if not has_own_trail(run):
        state = loaded.state.step(park.step)
        end = End(RunStatus.FAILED, state.error or park.message, state.error_code or "TIMEOUT")
        run_ended(loaded, end, unit)
        return
    run.status, run.next_run_at, run.waits_since = RunStatus.WAITING_SIGNAL, None, unit.now
    message = scrubbed(run, park.message)
    incident = Incident(run=run, step=park.step, reason=park.reason, message=message, opened_at=unit.now)
    unit.incidents.append(incident)
    details = {"step": park.step, "incident": park.reason, "message": message}
    audit_run(run, "chain_step_failed", details, unit.journal, loaded.scrubber)


def run_ended(loaded: LoadedRun, end: End, unit: Unit) -> None:
    """The run has its terminal status; the run above and the owner learn of it in the same transaction."""
    run, state, now = loaded.run, loaded.state, unit.now
    run.status, run.ended_at, run.next_run_at = end.status, now, None
    state.error, state.error_code = scrubbed(run, end.error), end.error_code
    run.error, run.error_code = state.error, state.error_code
    run.dead_lettered_at = now if _is_dead_letter(loaded, end) else None
    if run.kind == RunKind.CHAIN:
        audit_end(loaded, end, unit.journal)
        if end.status == RunStatus.CANCELLED:
            _notify_cancel(loaded, unit)
    if end.status != RunStatus.COMPLETED:
        unit.ended.setdefault(end.status, []).append(run.pk)
    if run.parent_id:
        unit.woken.append(run.parent_id)
    owners = unit.owners.get(run.owner_kind)
    if owners:
        loaded.state_to_rows()  # it may look at the rows
        steps = sorted(loaded.rows.values(), key=lambda row: row.index)
        owners.ended(Ended(run, steps, effect_stands(loaded)), now=now)


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


def _notify_cancel(loaded: LoadedRun, unit: Unit) -> None:
    run, notice = loaded.run, loaded.definition.on_cancel
    # Of a run at the top that a person has opened again to undo what was in doubt: told when it was cancelled.
    told = run.parent_id is None and run.cancel_requested_at is None
    if notice is None or told:
        return
    payload = {
        "chain_id": str(run.pk),
        "chain_name": run.chain_name,
        "action_id": run.action_id,
        "reason": run.cancel_reason,
        "cancelled_by": run.cancelled_by,
    }
    origin = {**run.origin, "payload": payload, "action_type": notice.action_type}
    owner = Owner("", None)
    unit.begun.append(run_of_notice(notice.provider, origin=origin, owner=owner, now=unit.now))
