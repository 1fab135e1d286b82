"""The next move of a run, from its definition, its state and the clock.

`next_move` may advance the state (a finished step's successor becomes the cursor, a failure begins the undoing),
and is called again after every move has been carried out. It never looks at anything else.
"""

from __future__ import annotations

from chains_app.branching import choose
from chains_app.engine.ending import begin_ending, next_undo, point_passed
from chains_app.engine.kinds import KINDS
from chains_app.engine.moves import End, Move
from chains_app.engine.state import Turn
from chains_app.states import Phase, RunStatus, StepStatus

DONE = (StepStatus.COMPLETED, StepStatus.SKIPPED)


def next_move(turn: Turn) -> Move:
    while True:
        if turn.state.phase == Phase.UNDOING:
            return next_undo(turn)
        move = _forward(turn)
        if move is not None:
            return move


def _forward(turn: Turn) -> Move | None:
    """A move, or None where the state went on by itself."""
    state = turn.state
    if state.cursor is None:
        return End(RunStatus.COMPLETED)
    step = turn.definition.step(state.cursor)
    known, kind = state.step(step.name), KINDS[step.kind]
    if known.status in DONE:
        if state.cancel_requested and not point_passed(turn):
            return _stop(turn)
        success = known.status == StepStatus.COMPLETED
        state.cursor = choose(turn.definition, step, body=known.body, success=success).target
        return None
    if known.status == StepStatus.FAILED:
        # Runs below were asked to stop: that is this run's end, not their failure.
        stopped = turn.state.cancel_requested or (turn.late and turn.children_of(step))
        if stopped and _must_stop(turn):
            return _stop(turn)
        return begin_ending(turn, RunStatus.FAILED, known.error, known.error_code)
    if not kind.settled(turn, step, known):
        return kind.unsettled(turn, step, known)
    if _must_stop(turn):
        return _stop(turn)
    return (
        kind.running(turn, step, known)
        if known.status == StepStatus.RUNNING
        else kind.start(turn, step, known)
    )


def _must_stop(turn: Turn) -> bool:
    return turn.late or (turn.state.cancel_requested and not point_passed(turn))


def _stop(turn: Turn) -> Move | None:
    if turn.state.cancel_requested and not point_passed(turn):
        return begin_ending(turn, RunStatus.CANCELLED, "cancelled")
    return begin_ending(turn, RunStatus.TIMED_OUT, "the run's time is over", "TIMEOUT")
