"""The next move of a run, from its definition, its state and the clock.

`next_move` may advance the state (a finished step's successor becomes the cursor, a failure begins the undoing),
and is called again after every move has been recorded. It never looks at anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from chains_app.branching import choose
from chains_app.definitions import Definition, Step
from chains_app.engine.moves import AwaitChild, CallStep, End, Move, Park, StartChild, UndoStep, Wait
from chains_app.engine.state import ChildState, RunState, StepState
from chains_app.states import Phase, RunStatus, StepStatus, Undo

PAST_NO_RETURN = "past_point_of_no_return"
UNKNOWN_OUTCOME = "unknown_outcome"
UNDO_FAILED = "compensation_failed"
# A call of unknown outcome is asked again this often, even where the step itself declares no retry.
UNKNOWN_RETRIES = 5
DONE = (StepStatus.COMPLETED, StepStatus.SKIPPED)


@dataclass(frozen=True, slots=True)
class ProviderTraits:
    """What the machine must know of a provider: may a call of unknown outcome be repeated, and how long."""

    repeatable: bool
    window: timedelta


Traits = Callable[[str], ProviderTraits]


def next_move(definition: Definition, state: RunState, now: datetime, traits: Traits) -> Move:
    while True:
        if state.phase == Phase.UNDOING:
            return _next_undo(definition, state, now, traits)
        move = _forward(definition, state, now, traits)
        if move is not None:
            return move


def _forward(definition: Definition, state: RunState, now: datetime, traits: Traits) -> Move | None:
    """A move, or None where the state went on by itself."""
    if state.cursor is None:
        return End(RunStatus.COMPLETED)
    step = definition.step(state.cursor)
    known = state.step(step.name)
    if known.status in DONE:
        state.cursor = choose(
            definition, step, body=known.body, success=known.status == StepStatus.COMPLETED
        ).target
        return None
    if known.status == StepStatus.FAILED:
        return begin_ending(definition, state, RunStatus.FAILED, known.error, known.error_code)
    if known.status == StepStatus.RUNNING:
        return _running(definition, state, step, known, now, traits)
    if known.unknown and not may_repeat(step, known, now, traits):
        return _unknown(step)
    return _start_or_stop(definition, state, step, known, now)


def _start_or_stop(
    definition: Definition, state: RunState, step: Step, known: StepState, now: datetime
) -> Move | None:
    """No call is in flight. One of unknown outcome is asked again even when cancelled: it may have taken effect."""
    late = state.deadline is not None and now >= state.deadline
    if late and known.unknown:
        return _unknown(step)
    if state.cancel_requested and not known.unknown and not point_passed(definition, state):
        return begin_ending(definition, state, RunStatus.CANCELLED, "cancelled")
    if late:
        return begin_ending(definition, state, RunStatus.TIMED_OUT, "the run's time is over", "TIMEOUT")
    if step.delay_seconds and known.attempt == 0 and known.retry_at is None:
        known.retry_at = now + timedelta(seconds=step.delay_seconds)
    if known.retry_at is not None and known.retry_at > now:
        return Wait(_first(known.retry_at, state.deadline), timer=known.attempt == 0)
    return StartChild(step) if step.kind == "sub_chain" else CallStep(step, again=known.unknown)


def _first(moment: datetime, deadline: datetime | None) -> datetime:
    return min(moment, deadline) if deadline else moment


def _unknown(step: Step) -> Park:
    return Park(
        step.name, UNKNOWN_OUTCOME, f"nobody knows whether {step.provider} has carried out {step.action_type}"
    )


def _running(
    definition: Definition, state: RunState, step: Step, known: StepState, now: datetime, traits: Traits
) -> Move | None:
    if step.kind == "sub_chain":
        return _child(definition, state, step, known, now)
    # Whoever made this call is gone and left no answer: it may have taken effect.
    known.status, known.unknown, known.in_flight = StepStatus.PENDING, True, False
    return None


def may_repeat(step: Step, known: StepState, now: datetime, traits: Traits) -> bool:
    """The same key may be sent again: the provider still remembers it, the step allows it, tries are left."""
    trait = traits(step.provider)
    in_window = known.first_called_at is None or now - known.first_called_at < trait.window
    allowed = step.on_unknown == "repeat" and trait.repeatable
    return allowed and in_window and known.attempt <= tries(step, known)


def tries(step: Step, known: StepState) -> int:
    """Repeats allowed: the step's own, and more where only a repeat can tell whether a call took effect."""
    return max(step.retry.max_retries, UNKNOWN_RETRIES if known.unknown else 0)


def _child(
    definition: Definition, state: RunState, step: Step, known: StepState, now: datetime
) -> Move | None:
    child = state.children.get(step.name)
    if child is None:
        return StartChild(step)
    if child.ending is None:
        late = state.deadline is not None and now >= state.deadline
        return AwaitChild(step, cancel=state.cancel_requested or late)
    absorb_child(step, known, child)
    return None


def absorb_child(step: Step, known: StepState, child: ChildState) -> None:
    """A sub-chain's end is its step's answer; a failed one fails its step."""
    if child.ending == RunStatus.COMPLETED:
        known.status, known.body = StepStatus.COMPLETED, child.body
        return
    known.error = f"sub-chain {step.sub_chain} {child.ending}: {child.error}"
    known.error_code = "EXECUTION_FAILED"
    known.status = StepStatus.SKIPPED if step.on_failure == "skip" else StepStatus.FAILED


def point_passed(definition: Definition, state: RunState) -> bool:
    """A step marked point_of_no_return is done."""
    return any(
        definition.step(name).point_of_no_return and state.steps[name].status == StepStatus.COMPLETED
        for name in state.path
        if name in state.steps
    )


def standing(definition: Definition, state: RunState) -> list[Step]:
    """Completed steps that declare how they are undone and are not undone yet, the latest first."""
    done = (definition.step(name) for name in reversed(state.path))
    return [
        step
        for step in done
        if step.compensate
        and state.steps[step.name].status == StepStatus.COMPLETED
        and state.steps[step.name].undo != Undo.DONE
    ]


def begin_ending(
    definition: Definition, state: RunState, status: str, error: str, code: str = ""
) -> Move | None:
    """End the run, by way of compensation where something stands; past the point of no return a person decides."""
    state.error, state.error_code = error, code
    if point_passed(definition, state):
        return Park(state.cursor or "", PAST_NO_RETURN, f"{error}; what is done cannot be undone by itself")
    if not standing(definition, state):
        return End(status, error, code)
    state.phase, state.ending = Phase.UNDOING, status
    for step in standing(definition, state):
        state.steps[step.name].undo = Undo.PENDING
    return None


def _next_undo(definition: Definition, state: RunState, now: datetime, traits: Traits) -> Move:
    for step in standing(definition, state):
        known = state.steps[step.name]
        if known.undo == Undo.FAILED:
            return Park(step.name, UNDO_FAILED, f"undoing {step.name} failed: {known.error}")
        if known.undo == Undo.RUNNING and not _undo_repeatable(step, traits):
            return Park(step.name, UNKNOWN_OUTCOME, f"nobody knows whether {step.name} was undone")
        if known.retry_at is not None and known.retry_at > now:
            return Wait(known.retry_at)
        return UndoStep(step)
    return End(state.ending, state.error, state.error_code)


def _undo_repeatable(step: Step, traits: Traits) -> bool:
    return step.compensate is not None and traits(step.compensate.provider).repeatable
