"""Waiting: so many seconds, or until an instant that a template gives. Seconds to months."""

from __future__ import annotations

from datetime import datetime, timedelta

from acteon_site.base.clock_text import parse_time, rfc3339
from chains_app.definitions import Step
from chains_app.engine.kinds.base import Interruptible, delayed, fail
from chains_app.engine.moves import Move, Wait
from chains_app.engine.state import StepState, Turn
from chains_app.states import RunStatus, StepStatus
from chains_app.templating import MissingReference


class TimerStep(Interruptible):
    def start(self, turn: Turn, step: Step, state: StepState) -> Move | None:
        waiting = delayed(turn, step, state)
        if waiting:
            return waiting
        try:
            due = _due(turn, step)
        except MissingReference as error:
            fail(step, state, str(error), "CONFIGURATION")
            return None
        if due is None:
            fail(step, state, "`until` gives no RFC 3339 time with offset", "CONFIGURATION")
            return None
        turn.run.enter(step.name)
        state.attempt, state.retry_at = 1, due
        return None

    def proceed(self, turn: Turn, step: Step, state: StepState) -> Move | None:
        due = state.retry_at
        if due is not None and due > turn.now:
            return Wait(turn.before_deadline(due), RunStatus.WAITING_TIMER)
        state.status, state.retry_at = StepStatus.COMPLETED, None
        state.body = {"waited_until": rfc3339(due or turn.now)}
        return None


def _due(turn: Turn, step: Step) -> datetime | None:
    """Raises MissingReference."""
    assert step.timer is not None  # noqa: S101 - parse_step gives every timer step one
    if step.timer.seconds is not None:
        return turn.now + timedelta(seconds=step.timer.seconds)
    return parse_time(turn.render(step.timer.until))
