"""What happens to a step when its call is made, answered, or not answered. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chains_app.definitions import Retry, Step, delay_ms
from chains_app.engine.kinds.base import fail
from chains_app.engine.kinds.provider import tries
from chains_app.engine.moves import Park
from chains_app.engine.state import RunState, StepState
from chains_app.states import StepStatus, Undo

FALLBACK_REVIEW = "fallback_review"
UNDO_RETRY = Retry(max_retries=8, backoff_ms=1000, strategy="exponential", jitter_ms=500)

Random = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call gave no answer; the fields are a ProviderError's."""

    code: str
    message: str
    retryable: bool
    unknown: bool
    retry_after: float | None = None


def call_begun(state: RunState, step: Step, now: datetime) -> None:
    """To be recorded before the call is made."""
    known = state.enter(step.name)
    known.attempt, known.retry_at = known.attempt + 1, None
    known.first_called_at = known.first_called_at or now


def undo_begun(state: RunState, step: Step) -> None:
    known = state.step(step.name)
    known.undo, known.undo_attempt, known.retry_at = Undo.RUNNING, known.undo_attempt + 1, None


def absorb_answer(step: Step, known: StepState, body: dict[str, Any], fallback: str = "") -> Park | None:
    """The provider answered. What a fallback took for review does not count as the step's answer."""
    known.unknown = False
    known.body, known.error, known.error_code = body, "", ""
    if fallback and step.on_fallback == "park":
        known.status = StepStatus.PENDING
        return Park(step.name, FALLBACK_REVIEW, f"{fallback} holds it for review in place of {step.provider}")
    known.status = StepStatus.COMPLETED
    return None


def absorb_failure(step: Step, known: StepState, failure: Failure, now: datetime, random: Random) -> None:
    """The call failed: try again later, give up, or (outcome unknown and not to be asked) leave it to a person."""
    # A definite refusal settles what an earlier call left open; an error that asks to come back does not.
    known.unknown = failure.unknown or (known.unknown and failure.retryable)
    known.error, known.error_code = failure.message, failure.code
    known.status = StepStatus.PENDING
    if (failure.retryable or known.unknown) and known.attempt <= tries(step, known):
        known.retry_at = now + _pause(step.retry, known.attempt, failure.retry_after, random)
    elif not known.unknown:  # an unknown one stays pending, and the machine parks the run
        fail(step, known, failure.message, failure.code)


def _pause(retry: Retry, attempt: int, asked: float | None, random: Random) -> timedelta:
    own = timedelta(milliseconds=delay_ms(retry, attempt, random))
    return max(own, timedelta(seconds=asked)) if asked else own


def absorb_undone(known: StepState) -> None:
    known.undo, known.retry_at = Undo.DONE, None


def absorb_undo_failure(known: StepState, failure: Failure, now: datetime, random: Random) -> None:
    known.error, known.error_code = failure.message, failure.code
    again = failure.retryable or failure.unknown
    if again and known.undo_attempt <= UNDO_RETRY.max_retries:
        known.undo = Undo.PENDING
        known.retry_at = now + _pause(UNDO_RETRY, known.undo_attempt, failure.retry_after, random)
    else:
        known.undo = Undo.FAILED
