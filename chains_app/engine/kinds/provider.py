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
    def settled(self, turn: Turn, step: Step, known: StepState) -> bool:
        return known.status != StepStatus.RUNNING and not known.unknown

    def unsettled(self, turn: Turn, step: Step, known: StepState) -> Move | None:
        """Ask again with the same key, even when cancelled: it may have taken effect. Else a person must look."""
        if known.status == StepStatus.RUNNING:
            # Whoever made this call is gone and left no answer.
            known.status, known.unknown = StepStatus.PENDING, True
        if turn.late or not may_repeat(turn, step, known):
            text = f"nobody knows whether {whom(step, known)} has carried out {step.action_type}"
            return Park(step.name, UNKNOWN_OUTCOME, text)
        if known.retry_at is not None and known.retry_at > turn.now:
            return Wait(turn.before_deadline(known.retry_at))
        return CallStep(step, again=True)

    def start(self, turn: Turn, step: Step, known: StepState) -> Move | None:
        if out_of_time(step, known, turn.now):
            fail(
                step, known, f"the time of {step.name} is over; {known.error or 'it was not done'}", "TIMEOUT"
            )
            return None
        return delayed(turn, step, known) or CallStep(step)

    def running(self, turn: Turn, step: Step, known: StepState) -> Move | None:
        raise AssertionError("a running call is never settled")


def may_repeat(turn: Turn, step: Step, known: StepState) -> bool:
    """The same key may be sent again: its receiver still remembers it, and the step or a person asks for it."""
    if not turn.remembers(whom(step, known), known.first_called_at):
        return False
    if known.attempt == 0:  # set back by a person, who wants it asked
        return True
    allowed = step.on_unknown == "repeat" and known.attempt <= tries(step, known)
    return allowed and not out_of_time(step, known, turn.now)


def whom(step: Step, known: StepState) -> str:
    """Who got the latest call: the step's provider, or the fallback that stood in for it."""
    return known.used_provider or step.provider


def out_of_time(step: Step, known: StepState, moment: datetime) -> bool:
    """The step's own time, over all its attempts and the pauses between them, is over at that moment."""
    if step.timeout_seconds is None or known.timed_from is None:
        return False
    return moment >= known.timed_from + timedelta(seconds=step.timeout_seconds)


def tries(step: Step, known: StepState) -> int:
    """Repeats allowed: the step's own, and more where only a repeat can tell whether a call took effect."""
    return max(step.retry.max_retries, UNKNOWN_RETRIES if known.unknown else 0)
