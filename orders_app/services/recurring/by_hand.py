"""What people ask for beside the schedule: one firing now, and making up for a time that is over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import rfc3339
from acteon_site.base.errors import AppError, conflict, invalid_field
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import Source
from orders_app.models import RecurringAction, RecurringFiring
from orders_app.models.recurring import SKIPPED
from orders_app.pipeline.dispatch import CALL_SECONDS, outcomes_after_calls
from orders_app.services.recurring.edits import recurring_lock, recurring_note, schedule_of_row
from orders_app.services.recurring.firing import Fired, Shot, rows_fired, shots_fire
from orders_app.services.recurring.overlap import earlier_cancel
from orders_app.states import FiringKind, Overlap

MOST = 1000  # occurrences of one backfill
USUAL = 100
SET = 25
EARLIEST = 1970  # a year at the beginning of the calendar has no local time in every zone
# How long one backfill waits for its calls, in all. What it has not come to by then is left, for the next request.
WAITS = CALL_SECONDS
ALREADY = "already_fired"
LEFT = "left"
LEFT_WHY = "the time of this request was over before; ask again, and what was fired is not fired twice"
EXHAUSTED = "it was dispatched as often as it may be (max_executions)"


@dataclass(frozen=True, slots=True)
class Made:
    """What came of one occurrence."""

    occurrence: datetime
    outcome: str
    error: str = ""
    was_dispatched: bool = False

    def wire(self) -> dict[str, Any]:
        told = {"occurrence": rfc3339(self.occurrence), "outcome": self.outcome}
        return {**told, "error": self.error} if self.error else told


@dataclass(frozen=True, slots=True)
class Span:
    """What a backfill is asked for. `overlap` in place of the recurring action's own policy."""

    start: datetime
    end: datetime
    limit: int = USUAL
    overlap: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """An occurrence of a span, and what was done about it: nothing ("") where a backfill would fire it."""

    occurrence: datetime
    done: str


def backfill_plan(row: RecurringAction, span: Span, now: datetime) -> list[Planned]:
    """What a backfill would come to, the oldest first; those beyond `limit` are left out.

    Raises 422: the span is empty, not over yet, too long, or reaches back to where nobody knows what was fired.
    """
    _require_possible(row, span, now)
    found = schedule_of_row(row).between(span.start, span.end, most=MOST + 1)
    if len(found) > MOST:
        raise invalid_field(
            "end",
            f"the span holds more than {MOST} occurrences; ask for less at a time, "
            f"up to {found[MOST - 1]:%Y-%m-%dT%H:%MZ}",
        )
    fired = RecurringFiring.objects.filter(recurring_id=row.pk, occurrence__in=found).exclude(outcome=SKIPPED)
    known = dict(fired.values_list("occurrence", "outcome"))
    planned, left = [], span.limit
    for occurrence in found:
        if occurrence not in known:
            left -= 1
        if left < 0:
            break
        planned.append(Planned(occurrence, known.get(occurrence, "")))
    return planned


def _require_possible(row: RecurringAction, span: Span, now: datetime) -> None:
    if span.start.year < EARLIEST:
        raise invalid_field("start", f"must not lie before {EARLIEST}")
    if span.end < span.start:
        raise invalid_field("end", "must not be before start")
    if span.end > now:
        raise invalid_field(
            "end", f"must not lie in the future; now is {rfc3339(now)}, what comes fires by itself"
        )
    if row.forgotten_until is not None and span.start <= row.forgotten_until:
        raise invalid_field(
            "start",
            f"must be after {rfc3339(row.forgotten_until)}: retention has removed the firings until then, so nobody "
            "knows what was fired",
        )


def recurring_backfill(*, row: RecurringAction, span: Span, source: Source) -> list[Made]:
    """Fire what the span holds and was not fired, in the order of the occurrences. Each is fired exactly once, whatever
    fires beside it. Waits up to 20 s for the calls of all; what was not fired by then is `left`."""
    planned = backfill_plan(row, span, db_now())
    recurring_note(
        row, "backfill", source, start=rfc3339(span.start), end=rfc3339(span.end), count=len(planned)
    )
    policy = span.overlap or row.overlap_policy
    # Nothing is cancelled for what is over.
    overlap = Overlap.ALLOW_ALL if policy == Overlap.ALLOW_ALL else Overlap.SKIP
    size = SET if overlap == Overlap.ALLOW_ALL else 1
    made: list[Made] = []
    ends = time.monotonic() + WAITS
    while len(made) < len(planned) and (not made or time.monotonic() < ends):
        made += _make_up(row, planned[len(made) : len(made) + size], overlap, ends)
    return made + [_left(one) for one in planned[len(made) :]]


def _left(one: Planned) -> Made:
    return Made(one.occurrence, ALREADY) if one.done else Made(one.occurrence, LEFT, LEFT_WHY)


def _make_up(row: RecurringAction, planned: Sequence[Planned], overlap: str, ends: float) -> list[Made]:
    fired = _fire(row, [one.occurrence for one in planned], overlap, FiringKind.BACKFILL)
    outcomes = _outcomes(fired, ends)
    by_occurrence = {one.shot.occurrence: _made(one, outcomes) for one in fired}
    exhausted = [
        Made(one.occurrence, "error", EXHAUSTED) for one in planned if one.occurrence not in by_occurrence
    ]
    return sorted([*by_occurrence.values(), *exhausted], key=lambda one: one.occurrence)


@retry_on_deadlock
def _fire(
    row: RecurringAction,
    occurrences: Sequence[datetime],
    overlap: str,
    kind: FiringKind,
    source: Source | None = None,
) -> list[Fired]:
    """Those that it may still be dispatched for, in one transaction. `source`: who is noted to have asked."""
    with transaction.atomic():
        locked, now = recurring_lock(row), db_now()
        allowed = occurrences if locked.remaining is None else _within(locked, occurrences, locked.remaining)
        fired = shots_fire([Shot(locked, one, kind, overlap) for one in allowed], now)
        if locked.remaining == 0:
            locked.next_at = locked.look_at = None
        rows_fired([locked])
        if source is not None and any(one.processed for one in fired):
            recurring_note(locked, "run now", source)
    return fired


def _within(row: RecurringAction, occurrences: Sequence[datetime], remaining: int) -> list[datetime]:
    """What was fired before uses up nothing."""
    fired = RecurringFiring.objects.filter(recurring_id=row.pk, occurrence__in=occurrences).exclude(
        outcome=SKIPPED
    )
    known = set(fired.values_list("occurrence", flat=True))
    allowed = [one for one in occurrences if one not in known][:remaining]
    return [one for one in occurrences if one in known or one in allowed]


def _outcomes(fired: Sequence[Fired], ends: float | None = None) -> dict[datetime, tuple[str, str]]:
    """Of those that were dispatched, once their calls have ended; after 20 s, or at `ends`, `running`."""
    most = None if ends is None else max(ends - time.monotonic(), 0.0)
    sent = [one for one in fired if one.processed]
    outcomes = outcomes_after_calls([one.processed for one in sent if one.processed], most)
    told = {}
    for one, outcome in zip(sent, outcomes, strict=True):
        is_partial = outcome.content.get("status") == "partial"
        message = str(outcome.content["message"]) if outcome.tag == "Failed" else ""
        told[one.shot.occurrence] = ("running" if is_partial else outcome.trail_name, message)
    return told


def _made(one: Fired, outcomes: dict[datetime, tuple[str, str]]) -> Made:
    occurrence = one.shot.occurrence
    if occurrence in outcomes:
        outcome, message = outcomes[occurrence]
        return Made(occurrence, outcome, message, was_dispatched=True)
    if one.again:
        return Made(occurrence, "error", one.again)
    if one.firing is None:
        return Made(occurrence, ALREADY)
    return Made(occurrence, one.firing.outcome, one.firing.reason)


def recurring_run_now(*, row: RecurringAction, source: Source) -> Made:
    """Fire it in this minute, whatever its expression says; paused or completed ones too.

    Raises 409: it was fired in this minute, was dispatched as often as it may be, or what it has dispatched before is
    still under way and its policy minds that.
    """
    occurrence = db_now().replace(second=0, microsecond=0)
    fired = _fire(row, [occurrence], row.overlap_policy, FiringKind.MANUAL, source)
    if not fired:
        raise conflict(EXHAUSTED, "EXHAUSTED")
    (one,) = fired
    if one.waits_for:
        earlier_cancel(one.waits_for, replace(one.shot.source, caller_id=source.caller_id))
        raise conflict("what it dispatched before was asked to end; press again once it has", "UNDER_WAY")
    made = _made(one, _outcomes(fired))
    if made.outcome == ALREADY:
        raise conflict("it was fired in this minute already; at most one firing a minute", "ALREADY_FIRED")
    if not made.was_dispatched:
        raise _refusal(made)
    return made


def _refusal(made: Made) -> AppError:
    return conflict(made.error or made.outcome, "NOT_FIRED")
