"""Waiting for a named signal. One that came early is kept; one that never comes takes the timeout's way.

The timeout's way: the first branch that matches `success eq false`, else on_failure.
"""

from __future__ import annotations

from datetime import timedelta

from chains_app.branching import matches
from chains_app.definitions import Step
from chains_app.engine.kinds.base import Interruptible, delayed, fail
from chains_app.engine.moves import Move, Wait
from chains_app.engine.state import StepState, Turn
from chains_app.states import RunStatus, StepStatus


class SignalStep(Interruptible):
    def start(self, turn: Turn, step: Step, state: StepState) -> Move | None:
        waiting = delayed(turn, step, state)
        if waiting:
            return waiting
        assert step.wait_for_signal is not None  # noqa: S101 - parse_step gives every such step one
        turn.run.enter(step.name)
        seconds = step.wait_for_signal.timeout_seconds
        state.attempt = 1
        state.retry_at = turn.now + timedelta(seconds=seconds) if seconds else None
        return None

    def proceed(self, turn: Turn, step: Step, state: StepState) -> Move | None:
        assert step.wait_for_signal is not None  # noqa: S101 - as above
        name = step.wait_for_signal.signal
        if _take(turn, step, state, name):
            return None
        if state.retry_at is None or state.retry_at > turn.now:
            return Wait(turn.before_deadline(state.retry_at), RunStatus.WAITING_SIGNAL)
        fail(step, state, f"no signal {name!r} came in time", "TIMEOUT")
        if any(matches(branch, body=None, success=False) for branch in step.branches):
            state.status = StepStatus.SKIPPED
        return None


def _take(turn: Turn, step: Step, state: StepState, name: str) -> bool:
    for index, (signal, payload) in enumerate(turn.run.signals):
        if signal == name:
            del turn.run.signals[index]
            turn.run.taken.append((name, step.name))
            state.status, state.body, state.retry_at = StepStatus.COMPLETED, payload, None
            return True
    return False
