"""Advancing a run as far as it goes without waiting.

One turn is one transaction: it records what a call came to, lets the machine move, and records the next call as
started. The call itself stands between two turns, so a crash leaves either a started call without an answer
(the machine treats its outcome as unknown) or nothing at all.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import connection, transaction

from acteon_site.base.clock import db_now
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import SYSTEM_SOURCE
from audit_app.services.journal import Journal
from chains_app.engine import results
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
from chains_app.services import children, recording
from chains_app.services.breakers import breaker_record
from chains_app.services.calling import Incoming, Outgoing, context_of, make_call, traits_of
from chains_app.services.held import Held, held_load
from chains_app.services.leases import Lease, lease_take, runs_due
from chains_app.templating import render

log = structlog.get_logger()


def run_advance(run_id: UUID) -> bool:
    """Take the run's lease and move it on until it waits or has ended. False where there was nothing to do."""
    lease = lease_take(run_id)
    if lease is None:
        return False
    outgoing = run_turn(lease)
    while outgoing is not None:
        outgoing = run_turn(lease, outgoing, make_call(outgoing))
    return True


def runs_sweep(*, limit: int = 200) -> int:
    """Advance what is due and was not rung. Returns how many runs were taken."""
    return runs_advance(runs_due(limit))


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


@retry_on_deadlock
def run_turn(
    lease: Lease, outgoing: Outgoing | None = None, incoming: Incoming | None = None
) -> Outgoing | None:
    """One transaction; returns the call that it recorded as started, if any."""
    with transaction.atomic():
        run = _locked(lease)
        if run is None:
            log.warning("lease_lost", run_id=str(lease.run_id))
            return None
        held, now, journal = held_load(run), db_now(), Journal(SYSTEM_SOURCE)
        recording.give_back(held, now, lease.absent if outgoing is None else timedelta(0))
        parked = None
        if outgoing is not None and incoming is not None:
            parked = _absorb(held, outgoing, incoming, now, journal)
        started = _moves(held, parked, now, journal)
        held.write()
        journal.write()
    return started


def _locked(lease: Lease) -> Run | None:
    """The run, locked after its owner and the run at the top (the lock order), if the lease is still ours."""
    lease.above.lock(lease.run_id)
    return Run.objects.select_for_update().filter(pk=lease.run_id, lease_token=lease.token).first()


def _absorb(held: Held, out: Outgoing, came: Incoming, now: datetime, journal: Journal) -> Park | None:
    known, failure = held.state.step(out.step.name), came.failure
    recording.attempt_ended(held, out.attempt, came, now)
    counts = failure is not None and failure.retryable
    breaker_record(route=out.route, ok=failure is None, counts=counts, now=now, journal=journal)
    if out.undo:
        _absorb_undo(held, out, came, now, journal)
        return None
    if failure is None:
        fallback = out.route.provider if out.route.provider != out.step.provider else ""
        park = results.absorb_answer(out.step, known, came.body or {}, fallback)
    else:
        results.absorb_failure(out.step, known, failure, now, random.random)
        park = None
    recording.step_result(held, out, came, now, journal)
    return park


def _absorb_undo(held: Held, out: Outgoing, came: Incoming, now: datetime, journal: Journal) -> None:
    known = held.state.step(out.step.name)
    if came.failure is None:
        results.absorb_undone(known)
    else:
        results.absorb_undo_failure(known, came.failure, now, random.random)
    recording.undo_result(held, out, came, journal)


def _moves(held: Held, parked: Park | None, now: datetime, journal: Journal) -> Outgoing | None:
    """Let the machine move until a call is to be made, or the run waits or has ended."""
    turn = Turn(
        held.definition, held.state, now, traits_of, lambda template: render(template, context_of(held))
    )
    move: Move = parked or next_move(turn)
    while True:
        recording.quiet_results(held, now, journal)
        if isinstance(move, StartChildren):
            children.children_start(held, move.step, move.branches, now)
        elif isinstance(move, UndoChildren):
            children.children_undo(held, move.step, now)
        elif isinstance(move, CallStep | UndoStep):
            started = recording.call_started(held, move, now)
            if isinstance(started, Outgoing):
                return started
            _stop(held, started, now, journal)
            return None
        else:
            _stop(held, move, now, journal)
            return None
        move = next_move(turn)


def _stop(held: Held, move: AwaitChildren | Wait | Park | End, now: datetime, journal: Journal) -> None:
    run = held.run
    run.lease_token = run.lease_until = None
    run.updated_at = now
    if isinstance(move, AwaitChildren):
        children.children_await(held, move.step, cancel=move.cancel, now=now)
    elif isinstance(move, Wait):
        run.status = move.status
        run.next_run_at = max(move.until, now + timedelta(milliseconds=1)) if move.until else None
    elif isinstance(move, Park):
        recording.run_parked(held, move, now, journal)
    else:
        recording.run_ended(held, move, now, journal)
