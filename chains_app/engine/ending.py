"""How a run comes to its end: what stands, what is undone, where only a person may decide."""

from __future__ import annotations

from chains_app.definitions import Step
from chains_app.engine.moves import AwaitChildren, End, Move, Park, UndoChildren, UndoStep, Wait
from chains_app.engine.state import StepState, Turn
from chains_app.states import Phase, StepStatus, Undo

PAST_NO_RETURN = "past_point_of_no_return"
UNKNOWN_OUTCOME = "unknown_outcome"
UNDO_FAILED = "compensation_failed"
# Repeats of a compensation before a person must look.
UNDO_TRIES = 8


def past_point_of_no_return(turn: Turn) -> bool:
    """A step marked point_of_no_return is done, here or in a run below."""
    own = (turn.definition.step(name) for name in turn.run.path)
    done = any(step.point_of_no_return and _completed(turn, step) for step in own)
    return done or any(
        child.past_no_return for children in turn.run.children.values() for child in children.values()
    )


def _completed(turn: Turn, step: Step) -> bool:
    return turn.run.step(step.name).status == StepStatus.COMPLETED


def steps_to_undo(turn: Turn) -> list[Step]:
    """Steps whose effect stands and that declare how it is undone (or whose runs below do), the latest first."""
    steps = [turn.definition.step(name) for name in reversed(turn.run.path)]
    return [step for step in steps if turn.run.step(step.name).undo != Undo.DONE and _is_to_undo(turn, step)]


def _is_to_undo(turn: Turn, step: Step) -> bool:
    if step.compensate:
        return _completed(turn, step)
    return any(child.to_undo for child in turn.children_of(step).values()) or _undoing_below(turn, step)


def _undoing_below(turn: Turn, step: Step) -> bool:
    return turn.run.step(step.name).undo == Undo.RUNNING and bool(turn.children_of(step))


def in_doubt(turn: Turn) -> bool:
    """Nobody knows whether a step took effect, here or in a run below: a person has left it behind so."""
    below = (child.in_doubt for children in turn.run.children.values() for child in children.values())
    return any(state.unknown for state in turn.run.steps.values()) or any(below)


def begin_ending(turn: Turn, status: str, error: str, code: str = "") -> Move | None:
    """End the run, by way of compensation where something stands; past the point of no return a person decides.

    None: the compensation has begun, and the next move is its first.
    """
    run = turn.run
    run.error, run.error_code = error, code
    if past_point_of_no_return(turn):
        return Park(run.cursor or "", PAST_NO_RETURN, f"{error}; what is done cannot be undone by itself")
    to_undo = steps_to_undo(turn)
    if not to_undo:
        return End(status, error, code)
    run.phase, run.ending = Phase.UNDOING, status
    for step in to_undo:
        run.step(step.name).undo, run.step(step.name).retry_at = Undo.PENDING, None
    return None


def next_undo(turn: Turn) -> Move:
    """In reverse order, one at a time; what cannot be undone stops the rest and waits for a person."""
    for step in steps_to_undo(turn):
        state = turn.run.step(step.name)
        if state.undo == Undo.FAILED:
            return Park(step.name, UNDO_FAILED, f"undoing {step.name} failed: {state.error}")
        move = _undo_call(turn, step, state) if step.compensate else _undo_below(turn, step, state)
        if move is not None:
            return move
    return End(turn.run.ending, turn.run.error, turn.run.error_code)


def _undo_call(turn: Turn, step: Step, state: StepState) -> Move:
    assert step.compensate is not None  # noqa: S101 - the caller asked
    if state.used_provider not in ("", step.provider):
        message = (
            f"{state.used_provider} did {step.name} in place of {step.provider}, and nothing here undoes that"
        )
        return Park(step.name, UNDO_FAILED, message)
    if state.undo == Undo.RUNNING:
        # Whoever made this call is gone and left no answer.
        state.undo, state.undo_unknown = Undo.PENDING, True
    if state.undo_unknown and not _may_repeat_undo(turn, step.compensate.provider, state):
        return Park(step.name, UNKNOWN_OUTCOME, f"nobody knows whether {step.name} was undone")
    if state.retry_at is not None and state.retry_at > turn.now:
        return Wait(state.retry_at)
    return UndoStep(step)


def _may_repeat_undo(turn: Turn, provider: str, state: StepState) -> bool:
    return state.undo_attempt <= UNDO_TRIES and turn.remembers(provider, state.undo_called_at)


def _undo_below(turn: Turn, step: Step, state: StepState) -> Move | None:
    """None once the runs below have undone what they did."""
    if state.undo != Undo.RUNNING:
        return UndoChildren(step)
    children = turn.children_of(step).values()
    if any(child.ending is None for child in children):
        return AwaitChildren(step)
    if any(child.to_undo for child in children):
        return UndoChildren(step)
    state.undo = Undo.DONE
    return None
