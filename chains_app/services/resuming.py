"""What a person decides of a run that stopped: it goes on at its step, or without it. And why some runs cannot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.errors import AppError, conflict, invalid_field
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import Source
from acteon_site.base.statements import Writes
from chains_app.engine import decisions
from chains_app.engine.ending import UNKNOWN_OUTCOME
from chains_app.engine.state import remembers
from chains_app.listeners import listener_for
from chains_app.models import Incident, Run, StepRun
from chains_app.selectors import run_definition
from chains_app.services.deadlines import deadline_renew
from chains_app.services.incidents import incidents_close, not_running, open_incident, require_incident
from chains_app.services.loaded_runs import RUN_FIELDS, run_load, runs_write, step_save, step_state
from chains_app.services.locks import lock_run_from_top, owners_lock, tops_over
from chains_app.services.runs import ADVANCE_TASK
from chains_app.services.step_calls import traits_of
from chains_app.services.trail import audit_run, journal_of
from chains_app.states import TERMINAL, Phase, RunStatus, StepStatus, Undo

STOPPED = (RunStatus.FAILED, RunStatus.TIMED_OUT)
# What a person may have found out of a call whose outcome nobody knew.
DONE, NOT_DONE = OUTCOMES = ("done", "not_done")


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides, and about what: `incident` is the one that they saw, and it must still be the open one.

    `outcome`: what they found out of a call whose outcome nobody knew, `done` or `not_done`; "" for nothing.
    """

    actor: str
    source: Source | None = None
    outcome: str = ""
    incident: UUID | None = None

    def __post_init__(self) -> None:
        if self.outcome and self.outcome not in OUTCOMES:
            raise invalid_field("outcome", f"must be {' or '.join(OUTCOMES)}")


@retry_on_deadlock
def run_retry(
    *,
    run_id: UUID,
    actor: str,
    source: Source | None = None,
    outcome: str = "",
    incident: UUID | None = None,
) -> Run:
    """Resume a failed or parked run at the step where it stopped, keeping earlier results and its version.

    A call of unknown outcome is asked again with its key, where its receiver still remembers it; with `outcome`
    "not_done" it is made anew. Raises 404, and 409 where the run is not stopped, something of it was compensated,
    its order was placed anew, or the doubt cannot be settled by asking.
    """
    decision = Decision(actor, source, outcome, incident)
    with transaction.atomic():
        return resume_locked(lock_run_from_top(run_id), decision)


@retry_on_deadlock
def run_skip_step(
    *,
    run_id: UUID,
    actor: str,
    source: Source | None = None,
    outcome: str = "",
    incident: UUID | None = None,
) -> Run:
    """Go on without the step (or the compensation) at which a parked run waits.

    `outcome` "done": it was carried out, or done by other means; it is compensated later if it must be. That is
    what a call of unknown outcome is taken for, unless a person knows that it was "not_done".
    """
    decision = Decision(actor, source, outcome, incident)
    with transaction.atomic():
        run, now = lock_run_from_top(run_id), db_now()
        waiting = require_incident(run, decision.incident)
        if waiting is None or run.status in TERMINAL:
            raise not_running(run)
        _skip(run, waiting, decision, now)
        restart(run, now)
        incidents_close([run.pk], "skipped", now, actor)
    return run


def resume_problem(run: Run, outcome: str = "") -> AppError | None:
    """Why `run_retry` would refuse the run as it stands. A look without locks; the retry looks again."""
    parked = run.status not in TERMINAL and open_incident(run) is not None
    if not parked and (run.status not in STOPPED or run.parent_id):
        return not_running(run)
    if is_undoing(run):
        return _doubt_problem(run, waiting_step(run), outcome)
    return _resume_problem(run, outcome)


def _resume_problem(run: Run, outcome: str) -> AppError | None:
    if run.steps.exclude(undo=Undo.NONE).exists():
        return conflict("something of this run was compensated; place the order anew", "COMPENSATED")
    listener = listener_for(run)
    problem = listener.resume_problem(run) if listener and run.status in TERMINAL else None
    if problem is None:
        problem = _doubt_problem(run, run_definition(run).steps[run.current_step].name, outcome)
    below = [] if problem else _stopped_below(run)
    problems = (_resume_problem(child, outcome) for child in below)
    return problem or next((found for found in problems if found), None)


def _doubt_problem(run: Run, step: str, outcome: str) -> AppError | None:
    """A call of unknown outcome whose key protects nobody any more is not sent again without a person's decision."""
    row, now = run.steps.filter(name=step).first(), db_now()
    if outcome == NOT_DONE or row is None:
        return None
    provider = decisions.receiver_that_forgot(
        step_state(row),
        run_definition(run).step(step),
        remembers=lambda name, since: remembers(traits_of(name), since, now),
        undoing=is_undoing(run),
    )
    if not provider:
        return None
    message = (
        f"nobody knows whether {provider} has carried out {step}, and its key is no protection any more: look "
        f"there, then retry with outcome not_done, or skip with outcome done"
    )
    return conflict(message, "OUTCOME_UNKNOWN")


def resume_locked(run: Run, decision: Decision) -> Run:
    """`run_retry` of a run that `lock_run_from_top` has locked."""
    require_incident(run, decision.incident)
    if problem := resume_problem(run, decision.outcome):
        raise problem
    now = db_now()
    step = waiting_step(run)
    _audit_decision(run, "chain_step_retrying", step, decision)
    if is_undoing(run):
        _retry_undo(run, step, decision.outcome)
        restart(run, now)
    else:
        _resume(run, now, decision.outcome)
    incidents_close([run.pk], "retried", now, decision.actor)
    return run


def is_undoing(run: Run) -> bool:
    return run.phase == Phase.UNDOING and run.status not in TERMINAL


def waiting_step(run: Run) -> str:
    """The step at which a stopped run goes on: the incident's, else the one where it is."""
    incident = open_incident(run)
    return incident.step if incident and incident.step else run_definition(run).steps[run.current_step].name


def _skip(run: Run, waiting: Incident, decision: Decision, now: datetime) -> None:
    loaded = run_load(run)
    state, row = loaded.state.step(waiting.step), loaded.row(waiting.step)
    done = decision.outcome == DONE or (not decision.outcome and waiting.reason == UNKNOWN_OUTCOME)
    if is_undoing(run):
        decisions.mark_undone(state)
        # What was not undone, and need not be, stands: its order is not freed for another charge.
        state.unknown = decision.outcome == NOT_DONE
    elif done:
        decisions.mark_done(state)
    else:
        decisions.mark_skipped(state)
    row.completed_at = row.completed_at or now
    runs_write([loaded])
    completed = done and not is_undoing(run)
    outcome = "chain_step_completed" if completed else "chain_step_skipped"
    _audit_decision(run, outcome, waiting.step, decision)
    if completed:
        _move_owner(run, waiting.step, now, decision)


def _move_owner(run: Run, step: str, now: datetime, decision: Decision) -> None:
    top, to = tops_over([run.pk])[run.pk], run_definition(run).step(step).transition_to
    owners = owners_lock([top]).get(top.owner_kind)
    if owners and to and top.owner_id:
        journal = journal_of(decision.actor, decision.source)
        owners.transition(top.owner_id, to=to, step=step, now=now, journal=journal)
        writes = Writes()
        owners.write(journal, writes)
        journal.write(writes)
        writes.execute()


def _retry_undo(run: Run, step: str, outcome: str) -> None:
    row = run.steps.get(name=step)
    state = step_state(row)
    if outcome == NOT_DONE:
        decisions.mark_not_undone(state)
    decisions.retry_undo(state)
    step_save(row, state)


def _resume(run: Run, now: datetime, outcome: str) -> None:
    listener = listener_for(run)
    if run.status in TERMINAL:
        run.cancel_requested_at = None
        if listener:
            listener.resumed(run, now=now)
    run.phase = Phase.FORWARD
    step = run_definition(run).steps[run.current_step]
    below = _stopped_below(run, lock=True)
    restart(run, now)
    if step.sub_chain or step.parallel:
        # Its runs below go on too, with the keys that they had.
        for child in below:
            _resume(child, now, outcome)
        run.steps.filter(name=step.name).update(status=StepStatus.RUNNING, completed_at=None)
    else:
        _retry_step(run, step.name, outcome)


def _retry_step(run: Run, step: str, outcome: str) -> None:
    row = run.steps.filter(name=step).first()
    if row is None:
        return
    state = step_state(row)
    if outcome == NOT_DONE:
        decisions.mark_not_done(state)
    decisions.retry_step(state)
    row.completed_at = None
    step_save(row, state)


def _stopped_below(run: Run, *, lock: bool = False) -> list[Run]:
    """The runs that the run's present step has below it and that did not come to a good end."""
    step = run_definition(run).steps[run.current_step]
    if not (step.sub_chain or step.parallel):
        return []
    below = Run.objects.filter(parent=run, parent_step=step.name, status__in=(*STOPPED, RunStatus.CANCELLED))
    return list((below.select_for_update() if lock else below).order_by("started_at"))


def restart(run: Run, now: datetime) -> None:
    """A run that stopped goes on, from its present phase, with its whole time."""
    deadline_renew(run, now)
    if run.phase != Phase.UNDOING:
        run.ending = run.error = run.error_code = ""
    run.status, run.ended_at, run.waits_since, run.dead_lettered_at = RunStatus.RUNNING, None, None, None
    run.next_run_at = run.updated_at = now
    run.save(update_fields=[*RUN_FIELDS, "cancel_requested_at"])
    ring_on_commit(ADVANCE_TASK, [str(run.pk)])


def _audit_decision(run: Run, outcome: str, step: str, decision: Decision) -> None:
    row = StepRun.objects.filter(run=run, name=step).only("index").first()
    details: dict[str, Any] = {"step": step, "by": decision.actor}
    if decision.outcome:
        details["found"] = decision.outcome
    if row is not None:
        details["step_index"] = row.index
    if run.error:
        details["after"] = {"code": run.error_code, "message": run.error}
    journal = journal_of(decision.actor, decision.source)
    audit_run(run, outcome, details, journal)
    journal.write()
