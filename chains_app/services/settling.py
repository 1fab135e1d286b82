"""What a person has found out of a call of unknown outcome whose run has ended: it took effect, or it did not.

A cancelled run goes on no more, and one that failed need not: so neither a retry nor a skip can say it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError, conflict, invalid_field, not_found
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import Source
from acteon_site.base.statements import Writes
from chains_app.engine import decisions
from chains_app.engine.ending import begin_ending
from chains_app.listeners import Ended, listener_for, top_of
from chains_app.models import Run, StepRun
from chains_app.services.endings import effect_stands
from chains_app.services.loaded_runs import (
    LoadedRun,
    resting_turn,
    run_load,
    runs_write,
    step_save,
    step_state,
)
from chains_app.services.locks import OwnersByKind, owners_lock, runs_lock, tops_over
from chains_app.services.resuming import DONE, STOPPED, Decision, restart
from chains_app.services.run_trees import run_tree
from chains_app.services.trail import audit_run, has_own_trail, journal_of
from chains_app.states import Phase, RunKind, RunStatus, StepStatus

ENDED = (*STOPPED, RunStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A step of which nobody knows whether it took effect, and its run: that which was asked after, or one below."""

    run: Run
    step: StepRun


def doubts_of(run: Run) -> list[Doubt]:
    """Those that a person can settle; none as long as the run at the top has not ended without success."""
    top = top_of(run)
    listener = listener_for(top)
    if top.status not in ENDED or (listener and listener.settle_problem(top)):
        return []
    tree = run_tree(run)
    steps = [(below, step) for below in tree.runs for step in tree.steps.get(below.pk, {}).values()]
    return [Doubt(below, step) for below, step in steps if _is_in_doubt(step)]


def _is_in_doubt(step: StepRun) -> bool:
    """A done step whose compensation was left out is marked, too: that it stands a person has said."""
    return step.unknown and step.status != StepStatus.COMPLETED


@retry_on_deadlock
def doubt_settle(
    *,
    run_id: UUID,
    outcome: str,
    actor: str,
    source: Source | None = None,
    step: str = "",
    reason: str = "",
) -> Run:
    """Settle the doubt of an ended run, or of one below it; `step` says which where there are several.

    `done`: it is compensated where the step declares how, and nothing is past its point of no return; else it stands. A
    bare call is completed by it. `not_done`: it stands in nobody's way any more. Raises 404, 409 where nothing is in
    doubt (any more) or the run goes on, and 422 where it is not said which step is meant.
    """
    decision = Decision(actor, source, outcome)
    if not outcome:
        raise invalid_field("outcome", "is required: done or not_done")
    with transaction.atomic():
        top_of_it = tops_over([run_id])[run_id]
        owners = owners_lock([top_of_it])
        runs_lock([run_id], [top_of_it])
        run = Run.objects.filter(pk=run_id).first()
        if run is None:
            raise not_found("no such run")
        doubt, now = _the_doubt(run, step), db_now()
        _write_found(doubt, outcome, now)
        _note(doubt, decision, reason)
        _end_anew(Run.objects.get(pk=top_of_it.run_id), outcome, owners, decision, now)
    return Run.objects.get(pk=run_id)


def _the_doubt(run: Run, step: str) -> Doubt:
    top = top_of(run)
    if top.status not in ENDED:
        why = (
            "nothing of it is in doubt"
            if top.status == RunStatus.COMPLETED
            else "it goes on, or its incident decides"
        )
        raise conflict(f"the run is {top.status}: {why}", "NOT_IN_DOUBT")
    listener = listener_for(top)
    if problem := listener.settle_problem(top) if listener else None:
        raise problem
    found = doubts_of(run)
    meant = [doubt for doubt in found if step in ("", doubt.step.name)]
    if len(meant) > 1:
        names = ", ".join(f"{doubt.step.name} of the run {doubt.run.pk}" for doubt in meant)
        raise invalid_field("step", f"must say which is meant: {names}")
    if not meant:
        raise _nothing_in_doubt(step)
    return meant[0]


def _nothing_in_doubt(step: str) -> AppError:
    return conflict(f"nothing of {step or 'this run'} is in doubt (any more)", "NOT_IN_DOUBT")


def _write_found(doubt: Doubt, outcome: str, now: datetime) -> None:
    row = doubt.step
    state = step_state(row)
    if outcome == DONE:
        decisions.mark_done(state)
        row.completed_at = now
    else:
        decisions.mark_not_done(state)
    step_save(row, state)


def _note(doubt: Doubt, decision: Decision, reason: str) -> None:
    journal = journal_of(decision.actor, decision.source)
    outcome = "chain_step_completed" if decision.outcome == DONE else "chain_step_skipped"
    details: dict[str, Any] = {"step": doubt.step.name, "step_index": doubt.step.index, "by": decision.actor}
    details |= {"change": "settled", "found": decision.outcome}
    if reason:
        details["reason"] = reason
    if doubt.run.error:
        details["after"] = {"code": doubt.run.error_code, "message": doubt.run.error}
    audit_run(doubt.run, outcome, details, journal)
    journal.write()


def _end_anew(top: Run, outcome: str, owners: OwnersByKind, decision: Decision, now: datetime) -> None:
    """Either the run goes on, to undo what took effect, and ends as it had; or its owner learns how it ended, now."""
    loaded = run_load(top)
    goes_on = _goes_on(loaded, outcome)
    if goes_on:
        # Heard already: whoever was told of the cancel is not told again at its second end.
        top.cancel_requested_at = None
        runs_write([loaded])
        restart(top, now)
    elif top.kind == RunKind.SINGLE:
        top.dead_lettered_at = None
        top.save(update_fields=["dead_lettered_at"])
    _tell_owner(loaded, owners, decision, now, goes_on=goes_on)


def _goes_on(loaded: LoadedRun, outcome: str) -> bool:
    """Whether something is to be done yet; begins the undoing in `loaded`, where that is it."""
    if outcome != DONE:
        return False
    if not has_own_trail(loaded.run):
        loaded.state.phase = Phase.FORWARD
        return True
    ended = loaded.run
    return begin_ending(resting_turn(loaded), ended.status, ended.error, ended.error_code) is None


def _tell_owner(
    loaded: LoadedRun, owners: OwnersByKind, decision: Decision, now: datetime, *, goes_on: bool
) -> None:
    of_kind = owners.get(loaded.run.owner_kind)
    if of_kind is None:
        return
    steps = sorted(loaded.rows.values(), key=lambda row: row.index)
    end = Ended(loaded.run, steps, effect_stands(loaded))
    of_kind.settled(end, goes_on=goes_on, now=now)
    journal, writes = journal_of(decision.actor, decision.source), Writes()
    of_kind.write(journal, writes)
    journal.write(writes)
    writes.execute()
