"""What a run adds to the audit trail and to the stream of events, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acteon_site.base.source import Source
from audit_app.redaction import Scrubber
from audit_app.services.journal import Journal, Subject
from chains_app.branching import choose
from chains_app.definitions import Step
from chains_app.engine.moves import End
from chains_app.models import Run
from chains_app.services.loaded_runs import LoadedRun
from chains_app.services.redacting import scrubber_of
from chains_app.services.step_calls import Reply, Request
from chains_app.states import RunKind, RunStatus, StepStatus, Undo

STEP_OUTCOMES = {
    StepStatus.COMPLETED: "chain_step_completed",
    StepStatus.FAILED: "chain_step_failed",
    StepStatus.SKIPPED: "chain_step_skipped",
    StepStatus.PENDING: "chain_step_retrying",
}
UNDO_OUTCOMES = {
    Undo.DONE: "chain_step_completed",
    Undo.FAILED: "chain_step_failed",
    Undo.PENDING: "chain_step_retrying",
}
END_OUTCOMES = {
    RunStatus.COMPLETED: "chain_completed",
    RunStatus.FAILED: "chain_failed",
    RunStatus.CANCELLED: "chain_cancelled",
    RunStatus.TIMED_OUT: "chain_timed_out",
}


def journal_of(actor: str, source: Source | None) -> Journal:
    """For what a person does; the caller writes it."""
    return Journal(source or Source(actor, "", ""))


def has_own_trail(run: Run) -> bool:
    """Of bare calls and notices the owner tells the outcome."""
    return run.kind in (RunKind.CHAIN, RunKind.BRANCH)


def chain_id_of(run: Run) -> str:
    """The chain under which the run stands in the trail: a branch's is the run that it belongs to."""
    return str(run.parent_id if run.kind == RunKind.BRANCH else run.pk)


def subject_of(run: Run, provider: str | None = None) -> Subject:
    return Subject(run.namespace, run.tenant, provider or run.provider, run.action_type, run.action_id)


def audit_call(loaded: LoadedRun, request: Request, reply: Reply, journal: Journal) -> None:
    """A call of a step, or of its compensation, and what came of it."""
    state = loaded.state.step(request.step.name)
    outcome = UNDO_OUTCOMES[Undo(state.undo)] if request.undo else STEP_OUTCOMES[StepStatus(state.status)]
    details: dict[str, Any] = {
        "chain_name": loaded.run.chain_name,
        "step": request.step.name,
        "step_index": loaded.definition.index_of(request.step.name),
        "attempt": state.undo_attempt if request.undo else state.attempt,
        "called": request.call.action_type,
        "duration_us": reply.duration_us,  # calls of less than a millisecond add up as well
    }
    if request.undo:
        details["compensation"] = True
    elif request.fallback:
        details["fallback_for"] = request.step.provider
    if reply.failure:
        details["error"] = {"code": reply.failure.code, "message": reply.failure.message}
    elif reply.body is not None:
        details["response"] = reply.body
    journal.audit(
        subject_of(loaded.run, request.route.provider),
        outcome=outcome,
        verdict="chain",
        scrubber=loaded.scrubber,
        outcome_details=details,
        chain_id=chain_id_of(loaded.run),
        duration_ms=reply.duration_ms,
    )


def audit_step(loaded: LoadedRun, step: Step, journal: Journal) -> None:
    """A step that ended without a call."""
    state = loaded.state.step(step.name)
    details: dict[str, Any] = {"step": step.name, "step_index": loaded.definition.index_of(step.name)}
    if state.error:
        details["error"] = {"code": state.error_code, "message": state.error}
    elif state.body is not None:
        details["response"] = state.body
    audit_run(loaded.run, STEP_OUTCOMES[StepStatus(state.status)], details, journal, loaded.scrubber)


def audit_end(loaded: LoadedRun, end: End, journal: Journal) -> None:
    """A chain's end, as a row and as an event."""
    run, path = loaded.run, list(loaded.state.path)
    # Who follows an action waits for its chain, not for the chains inside that one; totals count it alone as well.
    above = {"parent_chain_id": str(run.parent_id)} if run.parent_id else {}
    details: dict[str, Any] = {"execution_path": path, **above}
    if end.status != RunStatus.COMPLETED:
        details["error"] = run.cancel_reason if end.status == RunStatus.CANCELLED else end.error
    if run.cancelled_by:
        details["cancelled_by"] = run.cancelled_by
    audit_run(run, END_OUTCOMES[RunStatus(end.status)], details, journal, loaded.scrubber)
    journal.event(
        "chain_completed",
        subject_of(run),
        chain_id=str(run.pk),
        scrubber=loaded.scrubber,
        status=str(end.status),
        execution_path=path,
        **above,
    )


def audit_run(
    run: Run, outcome: str, details: Mapping[str, Any], journal: Journal, scrubber: Scrubber | None = None
) -> None:
    journal.audit(
        subject_of(run),
        outcome=outcome,
        verdict="chain",
        scrubber=scrubber or scrubber_of(run),
        outcome_details={"chain_name": run.chain_name, **details},
        chain_id=chain_id_of(run),
    )


def step_events(loaded: LoadedRun, step: Step, journal: Journal) -> None:
    """A step has ended, and the run goes on to the next one if there is any."""
    state = loaded.state.step(step.name)
    success, failed = state.status == StepStatus.COMPLETED, state.status == StepStatus.FAILED
    way = choose(loaded.definition, step, body=state.body, success=success)
    following = None if failed else way.target
    subject, chain_id = subject_of(loaded.run), chain_id_of(loaded.run)
    journal.event(
        "chain_step_completed",
        subject,
        chain_id=chain_id,
        step_name=step.name,
        step_index=loaded.definition.index_of(step.name),
        success=success,
        next_step=following,
    )
    if following:
        journal.event("chain_advanced", subject, chain_id=chain_id)
