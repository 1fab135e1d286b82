"""What happens to a step when its call is made, answered, or not answered. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chains_app.definitions import Retry, Step, delay_ms
from chains_app.engine.ending import UNDO_TRIES
from chains_app.engine.kinds.base import fail
from chains_app.engine.kinds.provider import out_of_time, tries
from chains_app.engine.moves import Park
from chains_app.engine.state import RunState, StepState
from chains_app.states import StepStatus, Undo

FALLBACK_REVIEW = "fallback_review"
UNDO_RETRY = Retry(max_retries=UNDO_TRIES, backoff_ms=1000, strategy="exponential", jitter_ms=500)

Random = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call gave no answer; the fields are a ProviderError's."""

    code: str
    message: str
    retryable: bool
    unknown: bool
    retry_after: float | None = None
    settles: bool = False


def call_begun(state: RunState, step: Step, now: datetime, provider: str = "") -> None:
    """To be recorded before the call is made; `provider` is whom it goes to, a fallback perhaps."""
    known = state.enter(step.name)
    known.attempt, known.retry_at = known.attempt + 1, None
    known.used_provider = provider or step.provider
    known.first_called_at = known.first_called_at or now
    known.timed_from = known.timed_from or now


def undo_begun(state: RunState, step: Step, now: datetime) -> None:
    known = state.step(step.name)
    known.undo, known.undo_attempt, known.retry_at = Undo.RUNNING, known.undo_attempt + 1, None
    known.undo_called_at = known.undo_called_at or now


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
    # What an earlier call left open is settled by the provider's own judgement of this key, and by nothing else.
    known.unknown = failure.unknown or (known.unknown and not failure.settles)
    known.error, known.error_code = failure.message, failure.code
    known.status = StepStatus.PENDING
    pause = _pause(step.retry, known.attempt, failure.retry_after, random)
    again = (failure.retryable or known.unknown) and known.attempt <= tries(step, known)
    if again and not out_of_time(step, known, now + pause):
        known.retry_at = now + pause
    elif not known.unknown:  # an unknown one stays pending, and the machine parks the run
        fail(step, known, failure.message, failure.code)


def _pause(retry: Retry, attempt: int, asked: float | None, random: Random) -> timedelta:
    own = timedelta(milliseconds=delay_ms(retry, attempt, random))
    return max(own, timedelta(seconds=asked)) if asked else own


def absorb_undone(known: StepState) -> None:
    known.undo, known.retry_at, known.undo_unknown = Undo.DONE, None, False


def absorb_undo_failure(known: StepState, failure: Failure, now: datetime, random: Random) -> None:
    """As `absorb_failure`, for a compensation. One of unknown outcome stays pending: the machine asks or parks."""
    known.undo_unknown = failure.unknown or (known.undo_unknown and not failure.settles)
    known.error, known.error_code = failure.message, failure.code
    known.undo = Undo.PENDING
    if (failure.retryable or known.undo_unknown) and known.undo_attempt <= UNDO_TRIES:
        known.retry_at = now + _pause(UNDO_RETRY, known.undo_attempt, failure.retry_after, random)
    elif not known.undo_unknown:
        known.undo = Undo.FAILED
