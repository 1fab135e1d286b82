"""Runs that a request waits for, for as long as it may wait: moved on by the process's engine, in sets."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from acteon_site.base.clock import db_now
from acteon_site.base.connections import release_connections
from chains_app.models import Run, StepRun
from chains_app.selectors import providers
from chains_app.services.advance import runs_advance, work_advance
from chains_app.services.engine_loop import engine
from chains_app.services.loaded_runs import LoadedRun
from chains_app.services.turns import Work

# How often to look at a run whose lease another process holds: soon at first, then less often.
LOOK_SECONDS, LOOK_LESS, LOOK_MOST = 0.02, 1.5, 0.25
# How long a cancel waits for what it asked for: as long as undoing a step usually takes.
CANCEL_SECONDS = 5.0
# Of a run that has not ended: its id, since when it is due, until when it is leased.
Moving = tuple[UUID, datetime | None, datetime | None]


def begun_within(run_ids: Sequence[UUID], work: Mapping[UUID, Work], seconds: float) -> None:
    """Make the calls of these runs, which `runs_begin` has stored with the work that it gave, after their commit.

    Returns when all have ended, or when the time is over: they go on in the background. One that waits for a breaker
    is in no work, and is awaited all the same. Where all providers answer at once (`log`) the engine is not troubled.
    """
    if not run_ids:
        return
    ends = time.monotonic() + seconds
    begun = [work[run_id] for run_id in run_ids if run_id in work]
    if all(one.request and answers_at_once(one.request.call.provider) for one in begun):
        work_advance(begun)
    else:
        engine().begin(begun)
        _wait_for_engine([one.lease.run_id for one in begun], ends)
    ended = _ended_here(run_ids, work)
    _until_ended([run_id for run_id in run_ids if run_id not in ended], ends)


def come_to(run_ids: Sequence[UUID], work: Mapping[UUID, Work]) -> dict[UUID, tuple[Run, StepRun | None]]:
    """What has become of these runs of one step, and of their step: as `begun_within` has left them."""
    ended = _ended_here(run_ids, work)
    others = [run_id for run_id in run_ids if run_id not in ended]
    rows = Run.objects.prefetch_related("steps").in_bulk(others) if others else {}
    found = {pk: (run, next(iter(run.steps.all()), None)) for pk, run in rows.items()}
    return found | {pk: (one.run, one.first_row) for pk, one in ended.items()}


def _ended_here(run_ids: Sequence[UUID], work: Mapping[UUID, Work]) -> dict[UUID, LoadedRun]:
    """Those of them whose end this process has written, as it knows them."""
    leases = [work[run_id].lease for run_id in run_ids if run_id in work]
    return {lease.run_id: known for lease in leases if (known := lease.memory.ended)}


def run_settle(run_id: UUID, seconds: float) -> None:
    """Advance a run and those below it until it has ended or waits for a person, or the time is over.

    What is not over by then goes on in the background, as does what another process has under its lease.
    """
    ends, look = time.monotonic() + seconds, LOOK_SECONDS
    while (pauses := _pauses_below(run_id, look)) and time.monotonic() + min(pauses.values()) < ends:
        due = [one for one, pause in pauses.items() if pause == 0]
        _advance(due)
        if not due or not connection.in_atomic_block:
            _sleep(look)
            look = min(look * LOOK_LESS, LOOK_MOST)


def _pauses_below(run_id: UUID, look: float) -> dict[UUID, float]:
    """`_pauses` of the run and of those below it; empty once the run has ended."""
    found, level = [], list(_moving().filter(pk=run_id))
    while level:
        found += level
        level = list(_moving().filter(parent__in=[pk for pk, *_ in level]))
    return _pauses_of(found, look)


def _advance(run_ids: Sequence[UUID]) -> None:
    """By the engine, so that a slow provider holds nobody up; in a test's own transaction here and now."""
    if connection.in_atomic_block:
        runs_advance(run_ids)
    elif run_ids:
        engine().ring_for(run_ids)


def answers_at_once(name: str) -> bool:
    """Whether a call to this provider takes no time."""
    settings = providers().get(name)
    # Inside a transaction (only a test's own is possible here) other threads would not see the run.
    return settings is None or settings.kind == "log" or connection.in_atomic_block


def _until_ended(run_ids: Sequence[UUID], ends: float) -> None:
    """Advance them whenever they are due and free: after a retry's pause, or when another's lease has run out."""
    look, left = LOOK_SECONDS, run_ids
    while left:
        if not connection.in_atomic_block:
            _wait_for_engine(left, ends)
        pauses = _pauses(left, look)
        if not pauses or time.monotonic() + min(pauses.values()) > ends:
            return
        left, due = list(pauses), [run_id for run_id, pause in pauses.items() if pause == 0]
        _advance(due)
        if not due:
            _sleep(min(pauses.values()))
            look = min(look * LOOK_LESS, LOOK_MOST)


def _wait_for_engine(run_ids: Sequence[UUID], ends: float) -> None:
    if engine().wait(run_ids, 0):
        return
    release_connections()  # others may need them meanwhile
    engine().wait(run_ids, ends - time.monotonic())


def _pauses(run_ids: Sequence[UUID], look: float) -> dict[UUID, float]:
    """Seconds until each can be advanced (`look`, where its lease is held), without those that no time will move."""
    return _pauses_of(list(_moving().filter(pk__in=run_ids)), look)


def _moving() -> QuerySet[Run, Moving]:
    return Run.objects.filter(ended_at__isnull=True).values_list("pk", "next_run_at", "lease_until")


def _pauses_of(found: Sequence[Moving], look: float) -> dict[UUID, float]:
    now = db_now() if found else None
    return {pk: _pause(due, taken_until, now, look) for pk, due, taken_until in found if now and due}


def _pause(due: datetime, taken_until: datetime | None, now: datetime, look: float) -> float:
    if taken_until is not None and taken_until > now:
        return look
    return (due - now).total_seconds() + 0.01 if due > now else 0


def _sleep(seconds: float) -> None:
    if seconds > LOOK_MOST / 2:
        release_connections()  # as above
    time.sleep(seconds)
