"""The next move of a run, from its definition, its state and the clock.

`next_move` may advance the state (a finished step's successor becomes the cursor, a failure begins the undoing),
and is called again after every move has been carried out. It never looks at anything else.
"""

from __future__ import annotations

from chains_app.branching import choose
from chains_app.engine.ending import begin_ending, next_undo, past_point_of_no_return
from chains_app.engine.kinds.registry import KINDS
from chains_app.engine.moves import End, Move
from chains_app.engine.state import Turn
from chains_app.states import Phase, RunStatus, StepStatus

DONE = (StepStatus.COMPLETED, StepStatus.SKIPPED)


def next_move(turn: Turn) -> Move:
    """What is to be done now; the state has gone on as far as it could without anything being done."""
    while True:
        if turn.run.phase == Phase.UNDOING:
            return next_undo(turn)
        move = _forward(turn)
        if move is not None:
            return move


def _forward(turn: Turn) -> Move | None:
    """A move, or None where the state went on by itself."""
    run = turn.run
    if run.cursor is None:
        return End(RunStatus.COMPLETED)
    step = turn.definition.step(run.cursor)
    state, kind = run.step(step.name), KINDS[step.kind]
    if state.status in DONE:
        if run.cancel_requested and not past_point_of_no_return(turn):
            return _stop(turn)
        success = state.status == StepStatus.COMPLETED
        run.cursor = choose(turn.definition, step, body=state.body, success=success).target
        return None
    if state.status == StepStatus.FAILED:
        # Runs below were asked to stop: that is this run's end, not their failure.
        stopped = run.cancel_requested or (turn.late and turn.children_of(step))
        if stopped and _must_stop(turn):
            return _stop(turn)
        return begin_ending(turn, RunStatus.FAILED, state.error, state.error_code)
    if not kind.may_leave(state):
        return kind.proceed(turn, step, state)
    if _must_stop(turn):
        return _stop(turn)
    begun = state.status == StepStatus.RUNNING
    return kind.proceed(turn, step, state) if begun else kind.start(turn, step, state)


def _must_stop(turn: Turn) -> bool:
    return turn.late or (turn.run.cancel_requested and not past_point_of_no_return(turn))


def _stop(turn: Turn) -> Move | None:
    if turn.run.cancel_requested and not past_point_of_no_return(turn):
        return begin_ending(turn, RunStatus.CANCELLED, "cancelled")
    return begin_ending(turn, RunStatus.TIMED_OUT, "the run's time is over", "TIMEOUT")
