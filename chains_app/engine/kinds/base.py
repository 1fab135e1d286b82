"""What a kind of step answers for."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from chains_app.definitions import Step
from chains_app.engine.moves import Move, Wait
from chains_app.engine.state import StepState, Turn
from chains_app.states import RunStatus, StepStatus


class Kind(Protocol):
    """`start` a step that is due, `proceed` with one that was started. None: the state went on by itself.

    While `may_leave` is False the run stays at the step, even when it is cancelled or out of time.
    """

    def may_leave(self, state: StepState) -> bool: ...

    def start(self, turn: Turn, step: Step, state: StepState) -> Move | None: ...

    def proceed(self, turn: Turn, step: Step, state: StepState) -> Move | None: ...


class Interruptible:
    """A kind of step that may be left at any time."""

    def may_leave(self, state: StepState) -> bool:
        return True


class Awaited:
    """A kind of step whose runs below are asked to stop and awaited first: they undo their own work."""

    def may_leave(self, state: StepState) -> bool:
        return state.status != StepStatus.RUNNING


def delayed(turn: Turn, step: Step, state: StepState) -> Move | None:
    """Wait for the step's delay, or for the pause before its next attempt. None: it is due."""
    if step.delay_seconds and state.attempt == 0 and state.retry_at is None:
        state.retry_at = turn.now + timedelta(seconds=step.delay_seconds)
    if state.retry_at is None or state.retry_at <= turn.now:
        return None
    status = RunStatus.WAITING_TIMER if state.attempt == 0 else RunStatus.RUNNING
    return Wait(turn.before_deadline(state.retry_at), status)


def fail(step: Step, state: StepState, error: str, code: str = "EXECUTION_FAILED") -> None:
    """The step has failed for good; `on_failure: skip` lets the run go on without it."""
    state.error, state.error_code = error, code
    state.status = StepStatus.SKIPPED if step.on_failure == "skip" else StepStatus.FAILED
