"""A call to a provider. An outcome that nobody knows is settled before the run goes anywhere else."""

from __future__ import annotations

from datetime import datetime, timedelta

from chains_app.definitions import Step
from chains_app.engine.ending import UNKNOWN_OUTCOME
from chains_app.engine.kinds.base import delayed, fail
from chains_app.engine.moves import CallStep, Move, Park, Wait
from chains_app.engine.state import StepState, Turn
from chains_app.states import StepStatus

# A call of unknown outcome is asked again this often, even where the step itself declares no retry.
UNKNOWN_RETRIES = 5


class ProviderStep:
    def may_leave(self, state: StepState) -> bool:
        return state.status != StepStatus.RUNNING and not state.unknown

    def start(self, turn: Turn, step: Step, state: StepState) -> Move | None:
        if out_of_time(step, state, turn.now):
            fail(
                step, state, f"the time of {step.name} is over; {state.error or 'it was not done'}", "TIMEOUT"
            )
            return None
        return delayed(turn, step, state) or CallStep(step)

    def proceed(self, turn: Turn, step: Step, state: StepState) -> Move | None:
        """Ask again with the same key, even when cancelled: it may have taken effect. Else a person must look."""
        if state.status == StepStatus.RUNNING:
            # Whoever made this call is gone and left no answer.
            state.status, state.unknown = StepStatus.PENDING, True
        if turn.late or not may_repeat(turn, step, state):
            text = f"nobody knows whether {receiver_of(step, state)} has carried out {step.action_type}"
            return Park(step.name, UNKNOWN_OUTCOME, text)
        if state.retry_at is not None and state.retry_at > turn.now:
            return Wait(turn.before_deadline(state.retry_at))
        return CallStep(step, again=True)


def may_repeat(turn: Turn, step: Step, state: StepState) -> bool:
    """The same key may be sent again: its receiver still remembers it, and the step or a person asks for it."""
    if not turn.remembers(receiver_of(step, state), state.first_called_at):
        return False
    if state.attempt == 0:  # set back by a person, who wants it asked
        return True
    allowed = step.on_unknown == "repeat" and state.attempt <= tries(step, state)
    return allowed and not out_of_time(step, state, turn.now)


def receiver_of(step: Step, state: StepState) -> str:
    """Who got the latest call: the step's provider, or the fallback that stood in for it."""
    return state.used_provider or step.provider


def out_of_time(step: Step, state: StepState, moment: datetime) -> bool:
    """The step's own time, over all its attempts and the pauses between them, is over at that moment."""
    if step.timeout_seconds is None or state.timed_from is None:
        return False
    return moment >= state.timed_from + timedelta(seconds=step.timeout_seconds)


def tries(step: Step, state: StepState) -> int:
    """Repeats allowed: the step's own, and more where only a repeat can tell whether a call took effect."""
    return max(step.retry.max_retries, UNKNOWN_RETRIES if state.unknown else 0)
