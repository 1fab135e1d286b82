"""What a person says of the step at which a run stopped. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chains_app.definitions import Step
from chains_app.engine.kinds.provider import receiver_of
from chains_app.engine.state import StepState
from chains_app.states import StepStatus, Undo


def retry_step(state: StepState) -> None:
    """Once more, with all its tries and its whole time. A doubt stays: then only the same key to the same provider."""
    if not state.unknown:
        mark_not_done(state)
    state.status, state.attempt, state.retry_at, state.timed_from = StepStatus.PENDING, 0, None, None
    state.body = None  # what a fallback said is no answer of the step


def mark_not_done(state: StepState) -> None:
    """A person has looked: the call took no effect. It may be made anew, by whoever does such calls now."""
    state.unknown, state.first_called_at, state.used_provider = False, None, ""


def mark_done(state: StepState) -> None:
    """A person has looked: it was carried out, or they have done it by other means. It can be undone later."""
    state.status, state.unknown, state.retry_at = StepStatus.COMPLETED, False, None
    state.body, state.error, state.error_code = state.body or {}, "", ""


def mark_skipped(state: StepState) -> None:
    """The run goes on without it."""
    state.status, state.unknown, state.retry_at = StepStatus.SKIPPED, False, None


def retry_undo(state: StepState) -> None:
    """Once more, with all its tries. A doubt stays, as in `retry_step`."""
    state.undo, state.undo_attempt, state.retry_at = Undo.PENDING, 0, None


def mark_not_undone(state: StepState) -> None:
    state.undo_unknown, state.undo_called_at = False, None


def mark_undone(state: StepState) -> None:
    state.undo, state.undo_unknown, state.retry_at = Undo.DONE, False, None


def receiver_that_forgot(
    state: StepState, step: Step, *, remembers: Callable[[str, datetime | None], bool], undoing: bool
) -> str:
    """Who cannot be asked once more about a call of unknown outcome, since the key is no protection there; or ""."""
    if undoing:
        provider = step.compensate.provider if step.compensate else ""
        doubt, since = state.undo_unknown or state.undo == Undo.RUNNING, state.undo_called_at
    else:
        provider, since = receiver_of(step, state), state.first_called_at
        doubt = state.unknown or state.status == StepStatus.RUNNING
    return provider if doubt and provider and not remembers(provider, since) else ""
