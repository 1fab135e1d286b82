"""What happens to a step when its call is made, answered, or not answered. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chains_app.definitions import Retry, Step, delay_ms
from chains_app.engine.ending import UNDO_TRIES, UNKNOWN_OUTCOME
from chains_app.engine.kinds.base import fail
from chains_app.engine.kinds.provider import out_of_time, receiver_of, tries
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


def call_begun(run: RunState, step: Step, now: datetime, provider: str = "") -> None:
    """To be recorded before the call is made. `provider`: its receiver; where empty, the step's own."""
    state = run.enter(step.name)
    state.attempt, state.retry_at = state.attempt + 1, None
    state.used_provider = provider or step.provider
    state.first_called_at = state.first_called_at or now
    state.timed_from = state.timed_from or now


def undo_begun(run: RunState, step: Step, now: datetime) -> None:
    """As `call_begun`, for a compensation."""
    state = run.step(step.name)
    state.undo, state.undo_attempt, state.retry_at = Undo.RUNNING, state.undo_attempt + 1, None
    state.undo_called_at = state.undo_called_at or now


def call_impossible(run: RunState, step: Step, error: str) -> Park | None:
    """What the call would have to say is not there: the step fails and nothing is sent.

    One of unknown outcome cannot be asked again either, and a person must look.
    """
    state = run.step(step.name)
    if state.unknown:
        text = f"nobody knows whether {receiver_of(step, state)} has carried out {step.action_type}: {error}"
        return Park(step.name, UNKNOWN_OUTCOME, text)
    run.enter(step.name)
    state.retry_at = None
    fail(step, state, error, "CONFIGURATION")
    return None


def undo_impossible(state: StepState, error: str) -> None:
    """As `call_impossible`, for a compensation: the machine parks the run."""
    state.undo, state.retry_at = Undo.FAILED, None
    state.error, state.error_code = error, "CONFIGURATION"


def call_answered(step: Step, state: StepState, body: dict[str, Any], fallback: str = "") -> Park | None:
    """The provider answered. What a fallback took for review does not count as the step's answer."""
    state.unknown = False
    state.body, state.error, state.error_code = body, "", ""
    if fallback and step.on_fallback == "park":
        state.status = StepStatus.PENDING
        return Park(step.name, FALLBACK_REVIEW, f"{fallback} holds it for review in place of {step.provider}")
    state.status = StepStatus.COMPLETED
    return None


def call_failed(step: Step, state: StepState, failure: Failure, now: datetime, random: Random) -> None:
    """The call failed: try again later, give up, or (outcome unknown and not to be asked) leave it to a person."""
    # What an earlier call left open is settled by the provider's own judgement of this key, and by nothing else.
    state.unknown = failure.unknown or (state.unknown and not failure.settles)
    state.error, state.error_code = failure.message, failure.code
    state.status = StepStatus.PENDING
    pause = _pause(step.retry, state.attempt, failure.retry_after, random)
    again = (failure.retryable or state.unknown) and state.attempt <= tries(step, state)
    if again and not out_of_time(step, state, now + pause):
        state.retry_at = now + pause
    elif not state.unknown:  # an unknown one stays pending, and the machine parks the run
        fail(step, state, failure.message, failure.code)


def _pause(retry: Retry, attempt: int, asked: float | None, random: Random) -> timedelta:
    own = timedelta(milliseconds=delay_ms(retry, attempt, random))
    return max(own, timedelta(seconds=asked)) if asked else own


def undo_answered(state: StepState) -> None:
    state.undo, state.retry_at, state.undo_unknown = Undo.DONE, None, False


def undo_failed(state: StepState, failure: Failure, now: datetime, random: Random) -> None:
    """As `call_failed`, for a compensation. One of unknown outcome stays pending: the machine asks or parks."""
    state.undo_unknown = failure.unknown or (state.undo_unknown and not failure.settles)
    state.error, state.error_code = failure.message, failure.code
    state.undo = Undo.PENDING
    if (failure.retryable or state.undo_unknown) and state.undo_attempt <= UNDO_TRIES:
        state.retry_at = now + _pause(UNDO_RETRY, state.undo_attempt, failure.retry_after, random)
    elif not state.undo_unknown:
        state.undo = Undo.FAILED
