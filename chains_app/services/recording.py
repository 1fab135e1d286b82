"""What a turn writes down of a run's steps: calls that start, what came of them, steps that end without one."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from audit_app.records.totals import FAILURES, SUCCESSES
from chains_app.definitions import Step
from chains_app.engine import call_results
from chains_app.engine.kinds.provider import receiver_of
from chains_app.engine.moves import CallStep, Park, UndoStep, Wait
from chains_app.engine.state import StepState
from chains_app.models import Attempt
from chains_app.services.breakers import Blocked, Called
from chains_app.services.leases import FIRST_LEASE, MARGIN
from chains_app.services.loaded_runs import LoadedRun
from chains_app.services.places import Place
from chains_app.services.redacting import scrubbed
from chains_app.services.step_calls import Reply, Request, call_of, render_payload, timeout_of
from chains_app.services.trail import audit_call, audit_step, has_own_trail, step_events
from chains_app.services.units import Unit
from chains_app.states import RunKind, RunStatus, StepStatus, Undo
from chains_app.templating import MissingReference


@dataclass(frozen=True, slots=True)
class Awaited:
    """A call that waits for a place among those to this provider. The run stays leased."""

    provider: str


BREAKER_PAUSE = timedelta(seconds=1)
ENDED_STEPS = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED)


def call_started(
    loaded: LoadedRun, move: CallStep | UndoStep, unit: Unit
) -> Request | Awaited | Wait | Park | None:
    """Record the call as started, or wait for the provider's breaker or a place there, which uses up no attempt.

    Where its template refers to what is not there, the step fails before the call: None, or Park.
    """
    undo, step, now = isinstance(move, UndoStep), move.step, unit.now
    try:
        payload = render_payload(loaded, step, undo=undo)
    except MissingReference as error:
        return _call_impossible(loaded, move, str(error), unit)
    # Nobody but its receiver can repeat what may have taken effect already, and nobody else can refund.
    only_itself = undo or (isinstance(move, CallStep) and move.again)
    receiver = _receiver(loaded, move)
    # Before the way there: that may be the breaker's one probe, which must not be taken for nothing.
    if waiting := _no_place(loaded, receiver, unit):
        return waiting
    route = unit.routes.to(receiver, fallbacks=not only_itself)
    if isinstance(route, Blocked):
        loaded.run.waits_since = now
        return Wait(max(route.retry_at, now + BREAKER_PAUSE))
    row = loaded.row(step.name)
    row.started_at = row.started_at or now
    if undo:
        call_results.undo_begun(loaded.state, step, now)
    else:
        call_results.call_begun(loaded.state, step, now, route.provider)
    attempt = _attempt(loaded, step, route.provider, now, undo=undo)
    run = loaded.run
    # Since when it is due stays: a column of an index that does not change lets PostgreSQL leave all indexes alone.
    run.status, run.updated_at = RunStatus.RUNNING, now
    run.lease_until = now + timedelta(seconds=timeout_of(route.provider)) + MARGIN
    call = call_of(loaded, step, route.provider, payload, undo=undo)
    return Request(step, attempt, call, route, unit.since, undo)


def _no_place(loaded: LoadedRun, provider: str, unit: Unit) -> Awaited | Wait | None:
    """None where the call may begin. Time in which it may not is not the run's."""
    place, run = unit.places.take(provider), loaded.run
    if place is Place.FREE:
        return None
    run.waits_since = unit.now
    if place is Place.NEAR:
        run.lease_until = unit.now + FIRST_LEASE
        return Awaited(provider)
    again = unit.places.room.again if unit.places.room else timedelta(0)
    return Wait(unit.now + again)


def _call_impossible(loaded: LoadedRun, move: CallStep | UndoStep, error: str, unit: Unit) -> Park | None:
    step = move.step
    if isinstance(move, UndoStep):
        call_results.undo_impossible(loaded.state.step(step.name), error)
        return None
    park = call_results.call_impossible(loaded.state, step, error)
    if park is None:
        row = loaded.row(step.name)
        row.started_at = row.started_at or unit.now
        if has_own_trail(loaded.run):
            audit_step(loaded, step, unit.journal)
        _step_ended(loaded, step, unit)
    return park


def _receiver(loaded: LoadedRun, move: CallStep | UndoStep) -> str:
    step = move.step
    if isinstance(move, UndoStep):
        return step.compensate.provider if step.compensate else step.provider
    return receiver_of(step, loaded.state.step(step.name)) if move.again else step.provider


def _attempt(loaded: LoadedRun, step: Step, provider: str, now: datetime, *, undo: bool) -> Attempt:
    state = loaded.state.step(step.name)
    attempt = Attempt.made(
        step_id=loaded.row(step.name).pk,
        number=state.undo_attempt if undo else state.attempt,
        undo=undo,
        provider=provider,
        started_at=now,
    )
    loaded.attempts.append(attempt)
    return attempt


def called(request: Request, reply: Reply) -> Called:
    """What the provider's breaker is told of the call."""
    failure = reply.failure
    return Called(request.route, ok=failure is None, counts=failure is not None and failure.retryable)


def is_open(loaded: LoadedRun, request: Request) -> bool:
    """Whether the run still waits for what came of this call."""
    state, number = loaded.state.step(request.step.name), request.attempt.number
    if request.undo:
        return state.undo == Undo.RUNNING and state.undo_attempt == number
    return state.status == StepStatus.RUNNING and state.attempt == number


def reply_received(loaded: LoadedRun, request: Request, reply: Reply, unit: Unit) -> Park | None:
    """Record what a started call came to. Park, where only a person can say how the run goes on."""
    _attempt_ended(loaded, request.attempt, reply, unit.now)
    state = loaded.state.step(request.step.name)
    park = _apply(state, request, reply, unit.now)
    state.error = scrubbed(loaded.run, state.error)
    if has_own_trail(loaded.run):
        audit_call(loaded, request, reply, unit.journal)
    elif loaded.run.kind == RunKind.NOTICE:
        # No row of the trail tells of these calls, so nobody else counts them.
        unit.totals[FAILURES if reply.failure else SUCCESSES, request.route.provider] += 1
    if not request.undo and state.status in ENDED_STEPS:
        _step_ended(loaded, request.step, unit)
    return park


def _attempt_ended(loaded: LoadedRun, attempt: Attempt, reply: Reply, now: datetime) -> None:
    failure = reply.failure
    attempt.completed_at, attempt.duration_ms = now, reply.duration_ms
    attempt.success = None if failure and failure.unknown else failure is None
    attempt.error = scrubbed(loaded.run, failure.message) if failure else ""
    attempt.error_code = failure.code if failure else ""
    loaded.attempts.append(attempt)


def _apply(state: StepState, request: Request, reply: Reply, now: datetime) -> Park | None:
    step, failure = request.step, reply.failure
    if request.undo and failure is None:
        call_results.undo_answered(state)
    elif request.undo and failure is not None:
        call_results.undo_failed(state, failure, now, random.random)
    elif failure is not None:
        call_results.call_failed(step, state, failure, now, random.random)
    else:
        return call_results.call_answered(step, state, reply.body or {}, request.fallback)
    return None


def steps_ended_without_call(loaded: LoadedRun, unit: Unit) -> None:
    """Record the sub-chains, timers, signals and parallel groups that the machine has seen end."""
    for step in loaded.definition.steps:
        state = loaded.state.steps.get(step.name)
        if step.kind == "provider" or state is None or state.status not in ENDED_STEPS:
            continue
        row = loaded.rows.get(step.name)
        if row is None or row.completed_at is None:
            state.error = scrubbed(loaded.run, state.error)
            audit_step(loaded, step, unit.journal)
            _step_ended(loaded, step, unit)


def _step_ended(loaded: LoadedRun, step: Step, unit: Unit) -> None:
    loaded.row(step.name).completed_at = unit.now
    if not has_own_trail(loaded.run):
        return
    step_events(loaded, step, unit.journal)
    if step.transition_to and loaded.state.step(step.name).status == StepStatus.COMPLETED:
        _move_owner(loaded, step, unit)


def _move_owner(loaded: LoadedRun, step: Step, unit: Unit) -> None:
    """Move the order, also from a run below: every turn has locked the owner of the run at the top."""
    top = unit.tops[loaded.run.pk]
    owners = unit.owners.get(top.owner_kind)
    if owners and top.owner_id:
        to, now = step.transition_to, unit.now
        owners.transition(top.owner_id, to=to, step=step.name, now=now, journal=unit.journal)
