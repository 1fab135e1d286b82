"""Advancing a run as far as it goes without waiting.

A worker takes the run's lease and makes one turn after another. A turn is one transaction: it locks the run, loads
it, records what the latest call came to, lets the machine decide (chains_app/engine) and carries its moves out until
there is a call to make, or the run waits or has ended. The call itself is made between two turns: a crash leaves
either a started call without an answer, whose outcome the machine takes for unknown, or nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import connection, transaction

from acteon_site.base.clock import db_now
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import SYSTEM_SOURCE
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
from chains_app.services.children import children_await, children_start, children_undo
from chains_app.services.deadlines import deadline_extend
from chains_app.services.endings import run_ended, run_parked
from chains_app.services.leases import Lease, lease_take, runs_due
from chains_app.services.loaded_runs import LoadedRun, run_load
from chains_app.services.recording import call_started, reply_received, steps_ended_without_call
from chains_app.services.step_calls import Reply, Request, make_call, template_context, traits_of
from chains_app.templating import render_strictly

log = structlog.get_logger()
MOST_AT_ONCE = 200


def runs_sweep() -> int:
    """Advance what is due, also where no message told a worker of it. Returns how many runs were taken."""
    return runs_advance(runs_due(MOST_AT_ONCE))


def runs_advance(run_ids: Iterable[UUID]) -> int:
    """Advance these, one after the other. Returns how many of them were taken."""
    return sum(_advance_safely(run_id) for run_id in run_ids)


def _advance_safely(run_id: UUID) -> bool:
    try:
        return run_advance(run_id)
    except Exception:  # one broken run must not keep the sweeper from the others; its lease runs out
        log.exception("run_not_advanced", run_id=str(run_id))
        connection.close_if_unusable_or_obsolete()
        return False


def run_advance(run_id: UUID) -> bool:
    """Take the run's lease and move it on until it waits or has ended. False where there was nothing to do."""
    lease = lease_take(run_id)
    if lease is None:
        return False
    request = run_turn(lease)
    while request is not None:
        request = run_turn(lease, request, make_call(request))
    return True


@retry_on_deadlock
def run_turn(lease: Lease, request: Request | None = None, reply: Reply | None = None) -> Request | None:
    """One transaction, which records the reply to the request of the turn before.

    Returns the call that it recorded as started, to be made now; None where the run waits or has ended, or where
    the lease was lost to another worker (then nothing is recorded).
    """
    with transaction.atomic():
        run = _locked(lease)
        if run is None:
            log.warning("lease_lost", run_id=str(lease.run_id))
            return None
        loaded, now, journal = run_load(run), db_now(), Journal(SYSTEM_SOURCE)
        deadline_extend(loaded, now, lease.absent if request is None else timedelta(0))
        park = reply_received(loaded, request, reply, now, journal) if request and reply else None
        started = _carry_out_moves(loaded, park, now, journal)
        loaded.write()
        journal.write()
    return started


def _locked(lease: Lease) -> Run | None:
    """The run, if the lease is still ours. Its owner and the run at the top are locked first (services/locks.py)."""
    lease.top.lock_before(lease.run_id)
    return Run.objects.select_for_update().filter(pk=lease.run_id, lease_token=lease.token).first()


def _carry_out_moves(loaded: LoadedRun, park: Park | None, now: datetime, journal: Journal) -> Request | None:
    """One move after another, until a call is to be made or the run stops."""
    turn = _turn(loaded, now)
    move: Move = park or next_move(turn)
    while True:
        steps_ended_without_call(loaded, now, journal)
        if isinstance(move, CallStep | UndoStep):
            started = call_started(loaded, move, now, journal)
            if isinstance(started, Request):
                return started
            if started is None:  # the step has failed before its call
                move = next_move(turn)
                continue
            move = started  # a breaker is open: wait for it; or a person must look
        if isinstance(move, StartChildren):
            children_start(loaded, move.step, move.branches, now)
        elif isinstance(move, UndoChildren):
            children_undo(loaded, move.step, now)
        else:
            _stop(loaded, move, now, journal)
            return None
        move = next_move(turn)


def _turn(loaded: LoadedRun, now: datetime) -> Turn:
    """The run as the machine sees it, which changes `loaded.state`."""
    return Turn(
        loaded.definition,
        loaded.state,
        now,
        traits_of,
        render=lambda template: render_strictly(template, template_context(loaded)),
    )


def _stop(
    loaded: LoadedRun, move: AwaitChildren | Wait | Park | End, now: datetime, journal: Journal
) -> None:
    """Give the lease back, and say when or by what the run goes on."""
    run = loaded.run
    run.lease_token = run.lease_until = None
    run.updated_at = now
    if isinstance(move, AwaitChildren):
        children_await(loaded, move.step, cancel=move.cancel, now=now)
    elif isinstance(move, Wait):
        run.status = move.status
        run.next_run_at = max(move.until, now + timedelta(milliseconds=1)) if move.until else None
    elif isinstance(move, Park):
        run_parked(loaded, move, now, journal)
    else:
        run_ended(loaded, move, now, journal)
