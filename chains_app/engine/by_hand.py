"""What a person says of the step at which a run stopped. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chains_app.definitions import Step
from chains_app.engine.kinds.provider import whom
from chains_app.engine.state import StepState
from chains_app.states import StepStatus, Undo


def ask_again(known: StepState) -> None:
    """Once more, with all its tries and its whole time. A doubt stays: then only the same key to the same provider."""
    if not known.unknown:
        take_as_not_done(known)
    known.status, known.attempt, known.retry_at, known.timed_from = StepStatus.PENDING, 0, None, None
    known.body = None  # what a fallback said is no answer of the step


def take_as_not_done(known: StepState) -> None:
    """A person has looked: the call took no effect. It may be made anew, by whoever does such calls now."""
    known.unknown, known.first_called_at, known.used_provider = False, None, ""


def take_as_done(known: StepState) -> None:
    """A person has looked: it was carried out, or they have done it by other means. It can be undone later."""
    known.status, known.unknown, known.retry_at = StepStatus.COMPLETED, False, None
    known.body, known.error, known.error_code = known.body or {}, "", ""


def leave_out(known: StepState) -> None:
    """The run goes on without it."""
    known.status, known.unknown, known.retry_at = StepStatus.SKIPPED, False, None


def undo_again(known: StepState) -> None:
    """Once more, with all its tries. A doubt stays, as in `ask_again`."""
    known.undo, known.undo_attempt, known.retry_at = Undo.PENDING, 0, None


def take_as_not_undone(known: StepState) -> None:
    known.undo_unknown, known.undo_called_at = False, None


def take_as_undone(known: StepState) -> None:
    known.undo, known.undo_unknown, known.retry_at = Undo.DONE, False, None


def cannot_ask(
    known: StepState, step: Step, *, remembers: Callable[[str, datetime | None], bool], undoing: bool
) -> str:
    """Who cannot be asked once more about a call of unknown outcome, since the key is no protection there; or ""."""
    if undoing:
        provider = step.compensate.provider if step.compensate else ""
        doubt, since = known.undo_unknown or known.undo == Undo.RUNNING, known.undo_called_at
    else:
        provider, since = whom(step, known), known.first_called_at
        doubt = known.unknown or known.status == StepStatus.RUNNING
    return provider if doubt and provider and not remembers(provider, since) else ""
