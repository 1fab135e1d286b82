"""Firing what is due, by the database's clock. Any number of schedulers may do it at once.

Rows are claimed with SKIP LOCKED, and an occurrence is dispatched, noted and left behind in the same transaction:
whoever dies before the commit has fired nothing, and the next sweep does it; after it, it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError
from acteon_site.base.retrying import database_is_away, retry_on_deadlock
from orders_app.models import RecurringAction, RecurringFiring
from orders_app.pipeline.dispatch import calls_begin
from orders_app.pipeline.items import Processed
from orders_app.recurring.planning import Due, PassedOver, plan_due
from orders_app.services.recurring.edits import schedule_of_row
from orders_app.services.recurring.firing import Fired, Shot, passed_over, rows_fired, shots_fire
from orders_app.services.recurring.overlap import earlier_cancel
from orders_app.states import FiringKind

log = structlog.get_logger()
SET = 25  # recurring actions that are fired in one transaction
LONGEST_PAUSE = timedelta(seconds=60)
# How often it is looked whether what is being cancelled has ended, once a second.
CANCEL_LOOKS = 60
BROKEN = "it could not be fired; the log says why"


@dataclass(slots=True)
class Swept:
    """What one transaction has done: the calls to be made, and what is to be cancelled, after it."""

    count: int = 0
    processed: list[Processed] = field(default_factory=list)
    waiting: list[Fired] = field(default_factory=list)


def recurring_sweep(*, limit: int = 100) -> int:
    """Fire what is due, each recurring action once, the longest due first. Returns how many it had."""
    due = RecurringAction.objects.filter(enabled=True, look_at__lte=db_now()).order_by("look_at", "id")
    ids = list(due.values_list("pk", flat=True)[:limit])
    return sum(_fire_set(ids[start : start + SET]) for start in range(0, len(ids), SET))


def _fire_set(ids: Sequence[UUID]) -> int:
    """A set that fails is halved until the one that made it fail stands alone."""
    try:
        swept = _fire(ids)
    except Exception as error:
        if len(ids) == 1:
            _put_aside(ids[0], error)
            return 0
        half = len(ids) // 2
        return _fire_set(ids[:half]) + _fire_set(ids[half:])
    try:
        calls_begin(swept.processed)
        for fired in swept.waiting:
            earlier_cancel(fired.waits_for, fired.shot.source)
    except Exception:  # they are fired all the same, and the sweep goes on with their runs
        log.exception("calls_of_recurring_failed")
    return swept.count


@retry_on_deadlock
def _fire(ids: Sequence[UUID]) -> Swept:
    with transaction.atomic():
        now = db_now()
        rows = _due_rows(ids, now)
        plans = {row.pk: _plan(row, now) for row in rows}
        _note_passed([(row, passed) for row in rows if (passed := plans[row.pk].passed)], now)
        fired = {one.shot.row.pk: one for one in shots_fire(_shots(rows, plans), now)}
        for row in rows:
            _move_on(row, plans[row.pk], fired.get(row.pk), now)
        rows_fired(rows)
    done = list(fired.values())
    return Swept(
        len(rows), [one.processed for one in done if one.processed], [one for one in done if one.waits_for]
    )


def _due_rows(ids: Sequence[UUID], now: datetime) -> list[RecurringAction]:
    """Locked. What another process has locked is left to it."""
    due = RecurringAction.objects.select_for_update(skip_locked=True)
    return list(due.filter(pk__in=ids, enabled=True, look_at__lte=now, next_at__lte=now).order_by("pk"))


def _plan(row: RecurringAction, now: datetime) -> Due:
    assert row.next_at is not None  # noqa: S101 - `_due_rows` gives such only
    grace = timedelta(seconds=settings.RECURRING_GRACE_SECONDS)
    return plan_due(schedule_of_row(row), row.next_at, now, missed=row.missed, grace=grace)


def _shots(rows: Sequence[RecurringAction], plans: dict[UUID, Due]) -> list[Shot]:
    shots = []
    for row in rows:
        due = plans[row.pk]
        if due.fire is not None and row.remaining != 0:
            kind = FiringKind.MISSED if due.was_missed else FiringKind.DUE
            gives_up = row.attempts >= CANCEL_LOOKS
            shots.append(Shot(row, due.fire, kind, row.overlap_policy, gives_up))
    return shots


def _note_passed(found: Sequence[tuple[RecurringAction, PassedOver]], now: datetime) -> None:
    """Where a row is there already, the occurrence was made up for by hand."""
    firings = [passed_over(row, passed, now) for row, passed in found]
    RecurringFiring.objects.bulk_create(firings, ignore_conflicts=True)


def _move_on(row: RecurringAction, due: Due, fired: Fired | None, now: datetime) -> None:
    if fired is not None and fired.again:
        row.attempts += 1
        row.problem = fired.again
        row.next_at = fired.shot.occurrence  # what was passed over before it is noted
        row.look_at = now + (timedelta(seconds=1) if fired.waits_for else _pause(row.attempts))
        return
    row.attempts, row.problem = 0, ""
    row.next_at = row.look_at = None if row.remaining == 0 else due.following


def _pause(attempts: int) -> timedelta:
    return min(timedelta(seconds=1 << min(attempts, 6)), LONGEST_PAUSE)


def _put_aside(pk: UUID, error: Exception) -> None:
    """Tried again later: what is broken must not stand before all that is due after it."""
    if isinstance(error, AppError):
        log.error("recurring_undecided", recurring_id=str(pk), problem=error.message)
    else:
        log.exception("recurring_not_fired", exc_info=error, recurring_id=str(pk))
    if database_is_away(error):
        return  # not its doing: it is due again as soon as the database is well
    with transaction.atomic():
        row = RecurringAction.objects.select_for_update().filter(pk=pk, enabled=True).first()
        if row is not None:
            row.attempts += 1
            row.look_at = db_now() + _pause(row.attempts)
            row.problem = error.message if isinstance(error, AppError) else BROKEN
            rows_fired([row])
