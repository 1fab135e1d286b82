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
    def start(self, turn: Turn, step: Step, known: StepState) -> Move | None:
        waiting = delayed(turn, step, known)
        if waiting:
            return waiting
        assert step.wait_for_signal is not None  # noqa: S101 - parse_step gives every such step one
        turn.state.enter(step.name)
        seconds = step.wait_for_signal.timeout_seconds
        known.attempt = 1
        known.retry_at = turn.now + timedelta(seconds=seconds) if seconds else None
        return None

    def running(self, turn: Turn, step: Step, known: StepState) -> Move | None:
        assert step.wait_for_signal is not None  # noqa: S101 - as above
        name = step.wait_for_signal.signal
        if _take(turn, step, known, name):
            return None
        if known.retry_at is None or known.retry_at > turn.now:
            return Wait(turn.before_deadline(known.retry_at), RunStatus.WAITING_SIGNAL)
        fail(step, known, f"no signal {name!r} came in time", "TIMEOUT")
        if any(matches(branch, body=None, success=False) for branch in step.branches):
            known.status = StepStatus.SKIPPED
        return None


def _take(turn: Turn, step: Step, known: StepState, name: str) -> bool:
    for index, (signal, payload) in enumerate(turn.state.signals):
        if signal == name:
            del turn.state.signals[index]
            turn.state.taken.append((name, step.name))
            known.status, known.body, known.retry_at = StepStatus.COMPLETED, payload, None
            return True
    return False
