"""Turns: one transaction that moves many runs as far as they go without waiting.

It locks the runs, loads them, records what their latest calls came to, lets the machine decide (chains_app/engine) and
carries its moves out, run by run in memory, until there is a call to make, or the run waits or has ended. Each table is
read and written once, whatever the number of runs; a turn of one run is a set of one.

What must hold:
- Locks are taken in one order (services/locks.py), and no two runs of a set stand below the same top: what one run
  tells another (a child's end, a parent's cancel) would meet that one's older copy in memory.
- A set changes nothing outside its transaction, so that a deadlock's victim is run again, whole.
- A run that cannot be turned harms no other: its set is split until it stands alone. Then its lease runs out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import connection, transaction

from acteon_site.base import spans
from acteon_site.base.clock import db_now
from acteon_site.base.ids import new_id
from acteon_site.base.retrying import database_is_away, retry_on_deadlock
from acteon_site.base.source import SYSTEM_SOURCE
from acteon_site.base.statements import Writes
from audit_app.services.journal import Journal
from chains_app.engine.machine import next_move
from chains_app.engine.moves import (
    AwaitChildren,
    CallStep,
    End,
    Move,
    Park,
    StartChildren,
    UndoChildren,
    UndoStep,
    Wait,
)
from chains_app.engine.state import Turn
from chains_app.models import Run
from chains_app.services.breakers import Routes, breakers_record
from chains_app.services.children import children_await, children_start, children_undo
from chains_app.services.deadlines import deadline_extend
from chains_app.services.endings import run_ended, run_parked
from chains_app.services.leases import FIRST_LEASE, Lease, lease_of
from chains_app.services.loaded_runs import LoadedRun, run_new
from chains_app.services.locks import LockedRun, owners_lock, runs_lock
from chains_app.services.memory import runs_recall
from chains_app.services.places import Places, Room
from chains_app.services.recording import (
    Awaited,
    call_started,
    called,
    is_open,
    reply_received,
    steps_ended_without_call,
)
from chains_app.services.spans_of_runs import turn_traced
from chains_app.services.step_calls import Reply, Request, template_context, traits_of
from chains_app.services.units import Unit
from chains_app.templating import render_strictly

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Work:
    """A run to be turned by the holder of its lease; with the call of the turn before, and what it came to.

    `awaits`: the provider whose call could not begin, since others take up its places.
    """

    lease: Lease
    request: Request | None = None
    reply: Reply | None = None
    awaits: str = ""

    def answered(self, reply: Reply) -> Work:
        return replace(self, reply=reply)


@dataclass(slots=True)
class Turned:
    """What became of a set. Who is in neither list waits, has ended, or was lost to another worker.

    `begun`: with a call that was recorded as started, to be made now; or with their lease kept, where there is no room
    for one. `left`: as they were given, since the database is away; they may be given again.
    """

    begun: list[Work] = field(default_factory=list)
    left: list[Work] = field(default_factory=list)


def runs_turn(work: Sequence[Work], room: Room | None = None) -> Turned:
    """Turn these runs. Of those whose lease was lost nothing is recorded."""
    turned = Turned()
    for together in _one_of_each_tree(work):
        _turn_or_split(together, room, turned)
    return turned


def runs_begin(runs: Sequence[Run], now: datetime, since: float, writes: Writes) -> list[Work]:
    """Store new runs at the top together with their first turn, inside the caller's transaction, with its `writes`.

    `since`: the steady clock before `now`, the database's, was read.

    Returns those with a call that stands recorded as started, for whoever makes it after the commit. No run may end
    in it: its owner may not be stored yet.
    """
    for run in runs:
        run.lease_token, run.lease_until = new_id(), now + FIRST_LEASE
    loaded = [run_new(run) for run in runs]
    work = [Work(lease_of(run)) for run in runs]
    unit = Unit(now, since, {}, {}, Routes(_providers(loaded), now=now))
    begun = [_turn(one, fresh, unit) for one, fresh in zip(work, loaded, strict=True)]
    unit.write(loaded, writes)
    _keep(work, loaded)
    return [one for one in begun if one is not None]


def _one_of_each_tree(work: Sequence[Work]) -> Iterator[list[Work]]:
    left = list(work)
    while left:
        together = {one.lease.top.run_id: one for one in reversed(left)}
        yield [one for one in left if together[one.lease.top.run_id] is one]
        left = [one for one in left if together[one.lease.top.run_id] is not one]


def _turn_or_split(work: Sequence[Work], room: Room | None, turned: Turned) -> None:
    try:
        turned.begun += _turn_together(work, room)
    except Exception as error:
        if database_is_away(error):
            log.warning("database_away", runs=len(work), error=type(error).__name__)
            connection.close_if_unusable_or_obsolete()
            turned.left += work
        elif len(work) == 1:
            log.exception("run_not_advanced", run_id=str(work[0].lease.run_id))
        else:
            half = len(work) // 2
            _turn_or_split(work[:half], room, turned)
            _turn_or_split(work[half:], room, turned)


@retry_on_deadlock
def _turn_together(work: Sequence[Work], room: Room | None) -> list[Work]:
    began = spans.beginning()
    # In no pipeline: there nobody learns how many rows an UPDATE has changed, and by that probes are taken.
    with transaction.atomic():
        tops = {one.lease.run_id: one.lease.top for one in work}
        owners = owners_lock(tops.values())
        locked = runs_lock(tops, tops.values())
        held = [one for one in work if _is_held(one.lease, locked)]
        if not held:
            return []
        since, now, journal = time.monotonic(), db_now(), Journal(SYSTEM_SOURCE)
        runs = runs_recall([one.lease for one in held], locked)
        calls = [called(one.request, one.reply) for one in held if one.request and one.reply]
        breakers_record(calls, now=now, journal=journal)
        unit = Unit(now, since, tops, owners, Routes(_providers(runs), now=now), journal, Places(room))
        turned = [_turn(one, loaded, unit) for one, loaded in zip(held, runs, strict=True)]
        writes = Writes()
        unit.write(runs, writes)
        writes.execute()
    _keep(held, runs)
    begun = [one for one in turned if one is not None]
    return begun if spans.tracer is None else turn_traced(spans.tracer, runs, begun, began)


def _is_held(lease: Lease, locked: Mapping[UUID, LockedRun]) -> bool:
    """Whether the lease is still ours."""
    run = locked.get(lease.run_id)
    if run is not None and run.lease_token == lease.token:
        return True
    log.warning("lease_lost", run_id=str(lease.run_id))
    return False


def _keep(work: Sequence[Work], runs: Sequence[LoadedRun]) -> None:
    for one, loaded in zip(work, runs, strict=True):
        one.lease.memory.keep(loaded)


def _providers(runs: Sequence[LoadedRun]) -> set[str]:
    """Whoever may be called."""
    definitions = {id(loaded.definition): loaded.definition for loaded in runs}.values()
    used = {row.used_provider for loaded in runs for row in loaded.rows.values()}
    return used.union(*(definition.providers for definition in definitions))


def _turn(work: Work, loaded: LoadedRun, unit: Unit) -> Work | None:
    """What came of its latest call, then one move after another, until a call is to be made or the run stops."""
    request, reply = work.request, work.reply
    deadline_extend(loaded, unit.now, work.lease.absent if request is None else timedelta(0))
    park = None
    # A set may be given again of which nobody knows whether it was committed.
    if request and reply and is_open(loaded, request):
        park = reply_received(loaded, request, reply, unit)
    begun = _carry_out_moves(loaded, park, unit)
    if isinstance(begun, Awaited):
        return Work(work.lease, awaits=begun.provider)
    return Work(work.lease, begun) if begun else None


def _carry_out_moves(loaded: LoadedRun, park: Park | None, unit: Unit) -> Request | Awaited | None:
    seen = _seen(loaded, unit)
    move: Move = park or next_move(seen)
    while True:
        steps_ended_without_call(loaded, unit)
        if isinstance(move, CallStep | UndoStep):
            started = call_started(loaded, move, unit)
            if isinstance(started, Request | Awaited):
                return started
            if started is None:  # the step has failed before its call
                move = next_move(seen)
                continue
            move = started  # a breaker is open: wait for it; or a person must look
        if isinstance(move, StartChildren):
            children_start(loaded, move.step, move.branches, unit)
        elif isinstance(move, UndoChildren):
            children_undo(loaded, move.step, unit.now)
        else:
            _stop(loaded, move, unit)
            return None
        move = next_move(seen)


def _seen(loaded: LoadedRun, unit: Unit) -> Turn:
    """The run as the machine sees it, which changes `loaded.state`."""
    return Turn(
        loaded.definition,
        loaded.state,
        unit.now,
        traits_of,
        render=lambda template: render_strictly(template, template_context(loaded)),
    )


def _stop(loaded: LoadedRun, move: AwaitChildren | Wait | Park | End, unit: Unit) -> None:
    """Give the lease back, and say when or by what the run goes on."""
    run, now = loaded.run, unit.now
    run.lease_token = run.lease_until = None
    run.updated_at = now
    if isinstance(move, AwaitChildren):
        children_await(loaded, move.step, unit, cancel=move.cancel)
    elif isinstance(move, Wait):
        run.status = move.status
        run.next_run_at = max(move.until, now + timedelta(milliseconds=1)) if move.until else None
    elif isinstance(move, Park):
        run_parked(loaded, move, unit)
    else:
        run_ended(loaded, move, unit)
