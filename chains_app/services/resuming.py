"""Runs that stopped go on: at the step where they failed or wait, or without that step. And why some cannot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.errors import AppError, conflict, invalid_field, not_found
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import Source
from audit_app.services.journal import Journal
from chains_app.engine import by_hand
from chains_app.engine.ending import UNKNOWN_OUTCOME
from chains_app.engine.state import remembers
from chains_app.listeners import listener_for, top_of
from chains_app.models import Incident, Run, StepRun
from chains_app.services.calling import traits_of
from chains_app.services.control import close_incident, incident_gone, lock_owner, not_running
from chains_app.services.held import RUN_FIELDS, definition_of, held_load, step_known, step_write
from chains_app.services.recording import subject_of, trail_id
from chains_app.services.resume_times import time_anew
from chains_app.services.runs import ADVANCE_TASK
from chains_app.states import TERMINAL, Phase, RunStatus, StepStatus, Undo

STOPPED = (RunStatus.FAILED, RunStatus.TIMED_OUT)
# What a person may have found out of a call whose outcome nobody knew.
DONE, NOT_DONE = "done", "not_done"
FOUND = (DONE, NOT_DONE)


@dataclass(frozen=True, slots=True)
class Word:
    """A person's word on a stopped run: whose, of what they found (`done`, `not_done`, "" for nothing), on what.

    `incident`: the one that they saw; the word is good only while the run still waits over that one.
    """

    actor: str
    source: Source | None = None
    found: str = ""
    incident: UUID | None = None

    def __post_init__(self) -> None:
        if self.found and self.found not in FOUND:
            raise invalid_field("outcome", f"must be {' or '.join(FOUND)}")


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
    word = Word(actor, source, outcome, incident)
    with transaction.atomic():
        return resume_locked(run_lock(run_id), word)


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
    word = Word(actor, source, outcome, incident)
    with transaction.atomic():
        run, now = run_lock(run_id), db_now()
        waiting = _waiting_incident(run, word)
        if waiting is None or run.status in TERMINAL:
            raise not_running(run)
        _leave_step(run, waiting, word, now)
        _restart(run, now)
        close_incident(run, "skipped", actor, now)
    return run


def resume_problem(run: Run, found: str = "") -> AppError | None:
    """Why `run_retry` would refuse the run as it stands. A look without locks; the retry looks again."""
    parked = run.status not in TERMINAL and run.incidents.filter(resolved_at__isnull=True).exists()
    if not parked and (run.status not in STOPPED or run.parent_id):
        return not_running(run)
    if is_undoing(run):
        return _doubt_problem(run, waiting_step(run), found)
    return _resume_problem(run, found)


def _resume_problem(run: Run, found: str) -> AppError | None:
    if run.steps.exclude(undo=Undo.NONE).exists():
        return conflict("something of this run was compensated; place the order anew", "COMPENSATED")
    listener = listener_for(run)
    problem = listener.resume_problem(run) if listener and run.status in TERMINAL else None
    if problem is None:
        problem = _doubt_problem(run, definition_of(run).steps[run.current_step].name, found)
    below = [] if problem else _stopped_below(run)
    return problem or next((told for child in below if (told := _resume_problem(child, found))), None)


def _doubt_problem(run: Run, step: str, found: str) -> AppError | None:
    """A call of unknown outcome whose key protects nobody any more is not sent again without a person's word."""
    row, now = run.steps.filter(name=step).first(), db_now()
    if found == NOT_DONE or row is None:
        return None
    provider = by_hand.cannot_ask(
        step_known(row),
        definition_of(run).step(step),
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


def run_lock(run_id: UUID) -> Run:
    """The run, locked after its owner, inside the caller's transaction. Raises 404."""
    lock_owner(run_id)
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise not_found("no such run")
    return run


def resume_locked(run: Run, word: Word) -> Run:
    """`run_retry` of a run that `run_lock` has locked."""
    _waiting_incident(run, word)
    if problem := resume_problem(run, word.found):
        raise problem
    now = db_now()
    step = waiting_step(run)
    journal_repair(run, "chain_step_retrying", step, word)
    if is_undoing(run):
        _undo_again(run, step, word.found)
        _restart(run, now)
    else:
        _resume(run, now, word.found)
    close_incident(run, "retried", word.actor, now)
    return run


def is_undoing(run: Run) -> bool:
    return run.phase == Phase.UNDOING and run.status not in TERMINAL


def waiting_step(run: Run) -> str:
    """The step at which a stopped run goes on: the incident's, else the one where it is."""
    incident = run.incidents.filter(resolved_at__isnull=True).first()
    return incident.step if incident and incident.step else definition_of(run).steps[run.current_step].name


def _waiting_incident(run: Run, word: Word) -> Incident | None:
    """What the run waits over. Raises 409 where the word was on something else that is over."""
    found = run.incidents.filter(resolved_at__isnull=True).first()
    if word.incident is not None and (found is None or found.pk != word.incident):
        raise incident_gone()
    return found


def _leave_step(run: Run, waiting: Incident, word: Word, now: datetime) -> None:
    held = held_load(run)
    known, row = held.state.step(waiting.step), held.row(waiting.step)
    done = word.found == DONE or (not word.found and waiting.reason == UNKNOWN_OUTCOME)
    if is_undoing(run):
        by_hand.take_as_undone(known)
        # What was not undone, and need not be, stands: its order is not freed for another charge.
        known.unknown = word.found == NOT_DONE
    elif done:
        by_hand.take_as_done(known)
    else:
        by_hand.leave_out(known)
    row.completed_at = row.completed_at or now
    held.write()
    completed = done and not is_undoing(run)
    journal_repair(run, "chain_step_completed" if completed else "chain_step_skipped", waiting.step, word)
    if completed:
        _transition(run, waiting.step, now, word)


def _transition(run: Run, step: str, now: datetime, word: Word) -> None:
    top, to = top_of(run), definition_of(run).step(step).transition_to
    listener = listener_for(top)
    if listener and to:
        journal = Journal(word.source or Source(word.actor, "", ""))
        listener.transition(top, to=to, step=step, now=now, journal=journal)
        journal.write()


def _undo_again(run: Run, step: str, found: str) -> None:
    row = run.steps.get(name=step)
    known = step_known(row)
    if found == NOT_DONE:
        by_hand.take_as_not_undone(known)
    by_hand.undo_again(known)
    step_write(row, known)


def _resume(run: Run, now: datetime, found: str) -> None:
    listener = listener_for(run)
    if run.status in TERMINAL:
        run.cancel_requested_at = None
        if listener:
            listener.resumed(run, now=now)
    run.phase = Phase.FORWARD
    step = definition_of(run).steps[run.current_step]
    below = _stopped_below(run, lock=True)
    _restart(run, now)
    if step.sub_chain or step.parallel:
        # Its runs below go on too, with the keys that they had.
        for child in below:
            _resume(child, now, found)
        run.steps.filter(name=step.name).update(status=StepStatus.RUNNING, completed_at=None)
    else:
        _step_again(run, step.name, found)


def _step_again(run: Run, step: str, found: str) -> None:
    row = run.steps.filter(name=step).first()
    if row is None:
        return
    known = step_known(row)
    if found == NOT_DONE:
        by_hand.take_as_not_done(known)
    by_hand.ask_again(known)
    row.completed_at = None
    step_write(row, known)


def _stopped_below(run: Run, *, lock: bool = False) -> list[Run]:
    """The runs that the run's present step has below it and that did not come to a good end."""
    step = definition_of(run).steps[run.current_step]
    if not (step.sub_chain or step.parallel):
        return []
    below = Run.objects.filter(parent=run, parent_step=step.name, status__in=(*STOPPED, RunStatus.CANCELLED))
    return list((below.select_for_update() if lock else below).order_by("started_at"))


def _restart(run: Run, now: datetime) -> None:
    time_anew(run, now)
    if run.phase != Phase.UNDOING:
        run.ending = run.error = run.error_code = ""
    run.status, run.ended_at, run.waits_since, run.dead_lettered_at = RunStatus.RUNNING, None, None, None
    run.next_run_at = run.updated_at = now
    run.save(update_fields=[*RUN_FIELDS, "cancel_requested_at"])
    ring_on_commit(ADVANCE_TASK, [str(run.pk)])


def journal_repair(run: Run, outcome: str, step: str, word: Word) -> None:
    """The trail's row of what a person did to a run, in the transaction that does it."""
    row = StepRun.objects.filter(run=run, name=step).only("index").first()
    details: dict[str, Any] = {"chain_name": run.chain_name, "step": step, "by": word.actor}
    if word.found:
        details["found"] = word.found
    if row is not None:
        details["step_index"] = row.index
    if run.error:
        details["after"] = {"code": run.error_code, "message": run.error}
    journal = Journal(word.source or Source(word.actor, "", ""))
    about = subject_of(run)
    journal.audit(about, outcome=outcome, verdict="chain", outcome_details=details, chain_id=trail_id(run))
    journal.write()
