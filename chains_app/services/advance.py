"""Advancing runs as far as they go without waiting, in the calling thread.

A worker takes the runs' leases and makes one turn after another (services/turns.py). The calls are made between two
turns: a crash leaves either a started call without an answer, whose outcome the machine takes for unknown, or nothing
at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chains_app.services.leases import leases_take, runs_due
from chains_app.services.step_calls import make_call
from chains_app.services.turns import Work, runs_turn

MOST_AT_ONCE = 200


def runs_sweep() -> int:
    """Advance what is due, also where no message told a worker of it. Returns how many runs were taken."""
    return runs_advance(runs_due(MOST_AT_ONCE))


def run_advance(run_id: UUID) -> bool:
    """Move the run on until it waits or has ended. False where there was nothing to do."""
    return bool(runs_advance([run_id]))


def runs_advance(run_ids: Sequence[UUID]) -> int:
    """Take the leases of these runs and move them on. Returns how many of them were taken."""
    leases = leases_take(run_ids)
    work_advance(runs_turn([Work(lease) for lease in leases]).begun)
    return len(leases)


def work_advance(work: Sequence[Work]) -> None:
    """Make the calls that are recorded as started, one after the other, and go on with their runs."""
    while work:
        work = runs_turn([one.answered(make_call(one.request)) for one in work if one.request]).begun
