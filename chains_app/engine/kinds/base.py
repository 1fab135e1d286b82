"""What a kind of step answers for."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from chains_app.definitions import Step
from chains_app.engine.moves import Move, Wait
from chains_app.engine.state import StepState, Turn
from chains_app.states import RunStatus, StepStatus


class Kind(Protocol):
    """`start` a step that is due, go on with one that is `running`; None: the state went on by itself.

    `settled` is False while the step must not be left, even when the run is cancelled or out of time: then
    `unsettled` says what is to be done first.
    """

    def settled(self, turn: Turn, step: Step, known: StepState) -> bool: ...

    def unsettled(self, turn: Turn, step: Step, known: StepState) -> Move | None: ...

    def start(self, turn: Turn, step: Step, known: StepState) -> Move | None: ...

    def running(self, turn: Turn, step: Step, known: StepState) -> Move | None: ...


class Interruptible:
    """A kind of step that may be left at any time."""

    def settled(self, turn: Turn, step: Step, known: StepState) -> bool:
        return True

    def unsettled(self, turn: Turn, step: Step, known: StepState) -> Move | None:
        raise AssertionError("this kind of step is always settled")


def delayed(turn: Turn, step: Step, known: StepState) -> Move | None:
    """Wait for the step's delay, or for the pause before its next attempt. None: it is due."""
    if step.delay_seconds and known.attempt == 0 and known.retry_at is None:
        known.retry_at = turn.now + timedelta(seconds=step.delay_seconds)
    if known.retry_at is None or known.retry_at <= turn.now:
        return None
    status = RunStatus.WAITING_TIMER if known.attempt == 0 else RunStatus.RUNNING
    return Wait(turn.before_deadline(known.retry_at), status)


def fail(step: Step, known: StepState, error: str, code: str = "EXECUTION_FAILED") -> None:
    """The step has failed for good; `on_failure: skip` lets the run go on without it."""
    known.error, known.error_code = error, code
    known.status = StepStatus.SKIPPED if step.on_failure == "skip" else StepStatus.FAILED
