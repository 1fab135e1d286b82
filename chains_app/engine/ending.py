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


def point_passed(turn: Turn) -> bool:
    """A step marked point_of_no_return is done, here or in a run below."""
    own = (turn.definition.step(name) for name in turn.state.path)
    done = any(step.point_of_no_return and _completed(turn, step) for step in own)
    return done or any(child.past for children in turn.state.children.values() for child in children.values())


def _completed(turn: Turn, step: Step) -> bool:
    return turn.state.step(step.name).status == StepStatus.COMPLETED


def standing(turn: Turn) -> list[Step]:
    """Steps whose effect stands and that declare how it is undone (or whose runs below do), the latest first."""
    steps = [turn.definition.step(name) for name in reversed(turn.state.path)]
    return [step for step in steps if turn.state.step(step.name).undo != Undo.DONE and _stands(turn, step)]


def _stands(turn: Turn, step: Step) -> bool:
    if step.compensate:
        return _completed(turn, step)
    return any(child.stands for child in turn.children_of(step).values()) or _undoing_below(turn, step)


def _undoing_below(turn: Turn, step: Step) -> bool:
    return turn.state.step(step.name).undo == Undo.RUNNING and bool(turn.children_of(step))


def in_doubt(turn: Turn) -> bool:
    """Nobody knows whether a step took effect, here or in a run below: a person has left it behind so."""
    below = (child.doubt for children in turn.state.children.values() for child in children.values())
    return any(known.unknown for known in turn.state.steps.values()) or any(below)


def begin_ending(turn: Turn, status: str, error: str, code: str = "") -> Move | None:
    """End the run, by way of compensation where something stands; past the point of no return a person decides.

    None: the compensation has begun, and the next move is its first.
    """
    state = turn.state
    state.error, state.error_code = error, code
    if point_passed(turn):
        return Park(state.cursor or "", PAST_NO_RETURN, f"{error}; what is done cannot be undone by itself")
    to_undo = standing(turn)
    if not to_undo:
        return End(status, error, code)
    state.phase, state.ending = Phase.UNDOING, status
    for step in to_undo:
        state.step(step.name).undo, state.step(step.name).retry_at = Undo.PENDING, None
    return None


def next_undo(turn: Turn) -> Move:
    """In reverse order, one at a time; what cannot be undone stops the rest and waits for a person."""
    for step in standing(turn):
        known = turn.state.step(step.name)
        if known.undo == Undo.FAILED:
            return Park(step.name, UNDO_FAILED, f"undoing {step.name} failed: {known.error}")
        move = _undo_call(turn, step, known) if step.compensate else _undo_below(turn, step, known)
        if move is not None:
            return move
    return End(turn.state.ending, turn.state.error, turn.state.error_code)


def _undo_call(turn: Turn, step: Step, known: StepState) -> Move:
    assert step.compensate is not None  # noqa: S101 - the caller asked
    if known.used_provider not in ("", step.provider):
        told = (
            f"{known.used_provider} did {step.name} in place of {step.provider}, and nothing here undoes that"
        )
        return Park(step.name, UNDO_FAILED, told)
    if known.undo == Undo.RUNNING:
        # Whoever made this call is gone and left no answer.
        known.undo, known.undo_unknown = Undo.PENDING, True
    if known.undo_unknown and not _may_repeat_undo(turn, step.compensate.provider, known):
        return Park(step.name, UNKNOWN_OUTCOME, f"nobody knows whether {step.name} was undone")
    if known.retry_at is not None and known.retry_at > turn.now:
        return Wait(known.retry_at)
    return UndoStep(step)


def _may_repeat_undo(turn: Turn, provider: str, known: StepState) -> bool:
    return known.undo_attempt <= UNDO_TRIES and turn.remembers(provider, known.undo_called_at)


def _undo_below(turn: Turn, step: Step, known: StepState) -> Move | None:
    """None once the runs below have undone what they did."""
    if known.undo != Undo.RUNNING:
        return UndoChildren(step)
    children = turn.children_of(step).values()
    if any(child.ending is None for child in children):
        return AwaitChildren(step)
    if any(child.stands for child in children):
        return UndoChildren(step)
    known.undo = Undo.DONE
    return None
