"""A call to a provider. An outcome that nobody knows is settled before the run goes anywhere else."""

from __future__ import annotations

from chains_app.definitions import Step
from chains_app.engine.ending import UNKNOWN_OUTCOME
from chains_app.engine.kinds.base import delayed
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
            text = f"nobody knows whether {step.provider} has carried out {step.action_type}"
            return Park(step.name, UNKNOWN_OUTCOME, text)
        if known.retry_at is not None and known.retry_at > turn.now:
            return Wait(turn.before_deadline(known.retry_at))
        return CallStep(step, again=True)

    def start(self, turn: Turn, step: Step, known: StepState) -> Move | None:
        return delayed(turn, step, known) or CallStep(step)

    def running(self, turn: Turn, step: Step, known: StepState) -> Move | None:
        raise AssertionError("a running call is never settled")


def may_repeat(turn: Turn, step: Step, known: StepState) -> bool:
    """The same key may be sent again: the provider still remembers it, the step allows it, tries are left."""
    trait = turn.traits(step.provider)
    in_window = known.first_called_at is None or turn.now - known.first_called_at < trait.window
    return (
        step.on_unknown == "repeat" and trait.repeatable and in_window and known.attempt <= tries(step, known)
    )


def tries(step: Step, known: StepState) -> int:
    """Repeats allowed: the step's own, and more where only a repeat can tell whether a call took effect."""
    return max(step.retry.max_retries, UNKNOWN_RETRIES if known.unknown else 0)
