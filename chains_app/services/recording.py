"""What a turn writes down: calls started, results, waiting, parking, the end. All inside the turn's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from acteon_site.base.ids import new_id
from audit_app.redaction import Scrubber
from audit_app.selectors import current_redactor
from audit_app.services.journal import Journal, Subject
from chains_app.branching import choose
from chains_app.definitions import Step
from chains_app.engine.ending import in_doubt, point_passed, standing
from chains_app.engine.kinds.provider import whom
from chains_app.engine.moves import CallStep, End, Park, UndoStep, Wait
from chains_app.engine.results import call_begun, undo_begun
from chains_app.listeners import listener_for, top_of
from chains_app.models import Attempt, Incident, Run
from chains_app.services.breakers import Blocked, breaker_routes
from chains_app.services.calling import Incoming, Outgoing, call_of, timeout_of
from chains_app.services.children import give_time_above, parent_wake
from chains_app.services.held import Held, resting_turn
from chains_app.services.leases import MARGIN
from chains_app.services.runs import Owner, run_of_notice, runs_insert
from chains_app.states import RunKind, RunStatus, StepStatus, Undo

AUDIT_OF_STEP = {
    StepStatus.COMPLETED: "chain_step_completed",
    StepStatus.FAILED: "chain_step_failed",
    StepStatus.SKIPPED: "chain_step_skipped",
    StepStatus.PENDING: "chain_step_retrying",
}
AUDIT_OF_END = {
    RunStatus.COMPLETED: "chain_completed",
    RunStatus.FAILED: "chain_failed",
    RunStatus.CANCELLED: "chain_cancelled",
    RunStatus.TIMED_OUT: "chain_timed_out",
}
BREAKER_PAUSE = timedelta(seconds=1)
# Runs whose steps have a trail of their own; the others' owners tell the outcome.
TOLD = (RunKind.CHAIN, RunKind.BRANCH)
ENDED_STEPS = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED)


def call_started(held: Held, move: CallStep | UndoStep, now: datetime) -> Outgoing | Wait:
    """Record the call as started, or wait for the provider's breaker, which uses up no attempt."""
    undo, step = isinstance(move, UndoStep), move.step
    # Nobody but its receiver can repeat what may have taken effect already, and nobody else can refund.
    only_itself = undo or (isinstance(move, CallStep) and move.again)
    provider = _receiver(held, move)
    route = breaker_routes([provider], now=now, fallbacks=not only_itself)[provider]
    if isinstance(route, Blocked):
        held.run.waits_since = now
        return Wait(max(route.retry_at, now + BREAKER_PAUSE))
    row = held.row(step.name)
    row.started_at = row.started_at or now
    if undo:
        undo_begun(held.state, step, now)
    else:
        call_begun(held.state, step, now, route.provider)
    attempt = _attempt(held, step, route.provider, now, undo=undo)
    held.run.status = RunStatus.RUNNING
    held.run.next_run_at = held.run.updated_at = now
    held.run.lease_until = now + timedelta(seconds=timeout_of(route.provider)) + MARGIN
    return Outgoing(step, attempt, call_of(held, step, route.provider, undo=undo), route, undo)


def _receiver(held: Held, move: CallStep | UndoStep) -> str:
    step = move.step
    if isinstance(move, UndoStep):
        return step.compensate.provider if step.compensate else step.provider
    return whom(step, held.state.step(step.name)) if move.again else step.provider


def give_back(held: Held, now: datetime, absent: timedelta) -> None:
    """Deadlines do not count the time that a run was parked, waited for a breaker, or that nobody took it."""
    run, state = held.run, held.state
    span = now - run.waits_since if run.waits_since else absent
    run.waits_since = None
    if not span:
        return
    known = state.steps.get(state.cursor or "")
    if known is not None and known.timed_from is not None:
        known.timed_from += span
    if run.expires_at is not None:
        run.expires_at += span
        state.deadline = run.expires_at
    give_time_above(run, span)


def _attempt(held: Held, step: Step, provider: str, now: datetime, *, undo: bool) -> Attempt:
    known = held.state.step(step.name)
    attempt = Attempt(
        pk=new_id(),
        step=held.row(step.name),
        number=known.undo_attempt if undo else known.attempt,
        undo=undo,
        provider=provider,
        started_at=now,
    )
    held.attempts.append(attempt)
    return attempt


def attempt_ended(held: Held, attempt: Attempt, came: Incoming, now: datetime) -> None:
    failure = came.failure
    attempt.completed_at, attempt.duration_ms = now, came.duration_ms
    attempt.success = None if failure and failure.unknown else failure is None
    attempt.error = scrubbed(held, failure.message) if failure else ""
    attempt.error_code = failure.code if failure else ""
    held.attempts.append(attempt)


def step_result(held: Held, out: Outgoing, came: Incoming, now: datetime, journal: Journal) -> None:
    """A call's own trail. A bare call has none: its owner tells the outcome."""
    known, row = held.state.step(out.step.name), held.row(out.step.name)
    if known.status != StepStatus.PENDING:
        row.completed_at = now
    known.error = scrubbed(held, known.error)
    if held.run.kind not in TOLD:
        return
    done = known.status == StepStatus.COMPLETED
    _audit(held, journal, AUDIT_OF_STEP[StepStatus(known.status)], out, came)
    if known.status != StepStatus.PENDING:
        _step_events(held, out.step, journal, success=done)
    if done and out.step.transition_to:
        _transition(held, out.step, now, journal)


def quiet_results(held: Held, now: datetime, journal: Journal) -> None:
    """The trail of steps that end without a call: sub-chains, timers, signals, parallel groups."""
    for step in held.definition.steps:
        known = held.state.steps.get(step.name)
        if step.kind == "provider" or known is None or known.status not in ENDED_STEPS:
            continue
        row = held.row(step.name) if step.name not in held.rows else held.rows[step.name]
        if row.completed_at is not None:
            continue
        held.row(step.name).completed_at = now
        known.error = scrubbed(held, known.error)
        _audit_quiet(held, step, journal)
        done = known.status == StepStatus.COMPLETED
        _step_events(held, step, journal, success=done)
        if done and step.transition_to:
            _transition(held, step, now, journal)


def _audit_quiet(held: Held, step: Step, journal: Journal) -> None:
    known = held.state.step(step.name)
    details: dict[str, Any] = {"step": step.name, "step_index": held.definition.index_of(step.name)}
    if known.error:
        details["error"] = {"code": known.error_code, "message": known.error}
    elif known.body is not None:
        details["response"] = known.body
    _audit_run(held, journal, AUDIT_OF_STEP[StepStatus(known.status)], details)


def _step_events(held: Held, step: Step, journal: Journal, *, success: bool) -> None:
    known = held.state.step(step.name)
    following = choose(held.definition, step, body=known.body, success=success).target
    subject, chain_id = subject_of(held.run), trail_id(held.run)
    journal.event(
        "chain_step_completed",
        subject,
        chain_id=chain_id,
        step_name=step.name,
        step_index=held.definition.index_of(step.name),
        success=success,
        next_step=following if known.status != StepStatus.FAILED else None,
    )
    if known.status != StepStatus.FAILED and following:
        journal.event("chain_advanced", subject, chain_id=chain_id)


def _transition(held: Held, step: Step, now: datetime, journal: Journal) -> None:
    """Move the order, also from a run below: every turn has locked the owner of the run at the top."""
    top = top_of(held.run)
    listener = listener_for(top)
    if listener:
        listener.transition(top, to=step.transition_to, step=step.name, now=now, journal=journal)


def undo_result(held: Held, out: Outgoing, came: Incoming, journal: Journal) -> None:
    known = held.state.step(out.step.name)
    known.error = scrubbed(held, known.error)
    done = known.undo == Undo.DONE
    outcome = (
        "chain_step_completed"
        if done
        else "chain_step_failed"
        if known.undo == Undo.FAILED
        else "chain_step_retrying"
    )
    _audit(held, journal, outcome, out, came)


def _audit(held: Held, journal: Journal, outcome: str, out: Outgoing, came: Incoming) -> None:
    known = held.state.step(out.step.name)
    details: dict[str, Any] = {
        "chain_name": held.run.chain_name,
        "step": out.step.name,
        "step_index": held.definition.index_of(out.step.name),
        "attempt": known.undo_attempt if out.undo else known.attempt,
        "called": out.call.action_type,
    }
    if out.undo:
        details["compensation"] = True
    elif out.route.provider != out.step.provider:
        details["fallback_for"] = out.step.provider
    if came.failure:
        details["error"] = {"code": came.failure.code, "message": came.failure.message}
    elif came.body is not None:
        details["response"] = came.body
    journal.audit(
        subject_of(held.run, out.route.provider),
        outcome=outcome,
        verdict="chain",
        scrubber=scrubber_of(held),
        outcome_details=details,
        chain_id=trail_id(held.run),
        duration_ms=came.duration_ms,
    )


def run_parked(held: Held, move: Park, now: datetime, journal: Journal) -> None:
    """Wait for a person. A bare call or a notice waits for nobody: it has failed."""
    run = held.run
    if run.kind not in TOLD:
        known = held.state.step(move.step)
        end = End(RunStatus.FAILED, known.error or move.message, known.error_code or "TIMEOUT")
        run_ended(held, end, now, journal)
        return
    run.status, run.next_run_at, run.waits_since = RunStatus.WAITING_SIGNAL, None, now
    message = scrubbed(held, move.message)
    # A person's word is on what they saw: another reason is another incident.
    Incident.objects.filter(run=run, resolved_at=None).update(resolved_at=now, resolution="superseded")
    Incident.objects.create(run=run, step=move.step, reason=move.reason, message=message, opened_at=now)
    details = {"step": move.step, "incident": move.reason, "message": message}
    _audit_run(held, journal, "chain_step_failed", details)


def run_ended(held: Held, move: End, now: datetime, journal: Journal) -> None:
    run, state = held.run, held.state
    run.status, run.ended_at, run.next_run_at = move.status, now, None
    state.error, state.error_code = scrubbed(held, move.error), move.error_code
    run.error, run.error_code = state.error, state.error_code
    run.dead_lettered_at = now if _is_dead_letter(held, move) else None
    if run.kind == RunKind.CHAIN:
        _tell_end(held, move, now, journal)
    if move.status != RunStatus.COMPLETED:
        Incident.objects.filter(run=run, resolved_at=None).update(resolved_at=now, resolution=move.status)
    parent_wake(run, now)
    listener = listener_for(run)
    if listener:
        held.write()
        listener.ended(run, in_doubt=effect_stands(held), now=now, journal=journal)


def effect_stands(held: Held) -> bool:
    """Something was done at a provider that is not undone, or may have been."""
    turn = resting_turn(held)
    return in_doubt(turn) or bool(standing(turn)) or point_passed(turn)


def _is_dead_letter(held: Held, move: End) -> bool:
    """A whole order's run that failed, unless its chain says that nobody need look.

    Of bare calls: one of which nobody knows whether it took effect. Of notices: one that nobody else asks after.
    """
    if held.run.parent_id or move.status not in (RunStatus.FAILED, RunStatus.TIMED_OUT):
        return False
    if held.run.kind == RunKind.SINGLE:
        return in_doubt(resting_turn(held))
    if held.run.kind == RunKind.NOTICE:
        return not held.run.owner_kind
    last = held.definition.step(held.state.cursor) if held.state.cursor else None
    return held.definition.on_failure == "abort" or (last is not None and last.on_failure == "dlq")


def _tell_end(held: Held, move: End, now: datetime, journal: Journal) -> None:
    run = held.run
    path = list(held.state.path)
    details: dict[str, Any] = {"execution_path": path}
    if move.status != RunStatus.COMPLETED:
        details["error"] = run.cancel_reason if move.status == RunStatus.CANCELLED else move.error
    if run.cancelled_by:
        details["cancelled_by"] = run.cancelled_by
    _audit_run(held, journal, AUDIT_OF_END[RunStatus(move.status)], details)
    # Who follows an action waits for its chain, not for the chains inside that one.
    above = {"parent_chain_id": str(run.parent_id)} if run.parent_id else {}
    journal.event(
        "chain_completed",
        subject_of(run),
        chain_id=str(run.pk),
        scrubber=scrubber_of(held),
        **{"status": str(move.status), "execution_path": path, **above},
    )
    if move.status == RunStatus.CANCELLED and held.definition.on_cancel:
        _notify_cancel(held, now)


def _notify_cancel(held: Held, now: datetime) -> None:
    run, notice = held.run, held.definition.on_cancel
    assert notice is not None  # noqa: S101 - the caller asked
    payload = {
        "chain_id": str(run.pk),
        "chain_name": run.chain_name,
        "action_id": run.action_id,
        "reason": run.cancel_reason,
        "cancelled_by": run.cancelled_by,
    }
    origin = {**run.origin, "payload": payload, "action_type": notice.action_type}
    runs_insert([run_of_notice(notice.provider, origin=origin, owner=Owner("", None), now=now)])


def _audit_run(held: Held, journal: Journal, outcome: str, details: Mapping[str, Any]) -> None:
    run = held.run
    journal.audit(
        subject_of(run),
        outcome=outcome,
        verdict="chain",
        scrubber=scrubber_of(held),
        outcome_details={"chain_name": run.chain_name, **details},
        chain_id=trail_id(run),
    )


def trail_id(run: Run) -> str:
    """The chain under which it stands in the trail: a branch's is the run that it belongs to."""
    return str(run.parent_id if run.kind == RunKind.BRANCH else run.pk)


def subject_of(run: Run, provider: str | None = None) -> Subject:
    return Subject(run.namespace, run.tenant, provider or run.provider, run.action_type, run.action_id)


def scrubber_of(held: Held) -> Scrubber:
    return current_redactor().scrubber(held.run.origin["payload"], held.run.origin.get("tainted") or ())


def scrubbed(held: Held, text: str) -> str:
    """A text without the order's redacted values, as errors and reasons are kept."""
    return scrubber_of(held).text(text) if text else ""
