"""The lock order: owners (approvals, orders), the runs at the top, the runs below them, then their steps.

A run below another (a sub-chain, a branch) belongs to the owner of the run at the top. Its steps may move that owner,
and runs above and below wait for each other: so both are locked before any of these runs. Of several rows of one table
the one of the lower id is locked first: all by one statement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from acteon_site.base.errors import not_found
from acteon_site.base.locked_rows import rows_lock
from chains_app.listeners import LISTENERS, Owners
from chains_app.models import Run

OwnersByKind = Mapping[str, Owners]


@dataclass(frozen=True, slots=True)
class Top:
    """The run at the top, seen from one of its runs, and its owner's kind and id. None of these ever changes."""

    run_id: UUID
    owner_kind: str = ""
    owner_id: UUID | None = None


class LockedRun(NamedTuple):
    """Of a run what others may change while its lease is held, read with its lock."""

    id: UUID
    lease_token: UUID | None
    cancel_requested_at: datetime | None
    cancel_reason: str
    cancelled_by: str
    expires_at: datetime | None


def tops_over(run_ids: Collection[UUID]) -> dict[UUID, Top]:
    """Of each run; one query for each level. A run that is not there is its own."""
    tops, above = {run_id: Top(run_id) for run_id in run_ids}, {run_id: run_id for run_id in run_ids}
    while above:
        found = Run.objects.filter(pk__in=set(above.values()))
        rows = {row[0]: row[1:] for row in found.values_list("pk", "owner_kind", "owner_id", "parent_id")}
        for run_id, pk in above.items():
            kind, owner, _ = rows.get(pk, ("", None, None))
            tops[run_id] = Top(pk, kind, owner)
        above = {run_id: rows[pk][2] for run_id, pk in above.items() if pk in rows and rows[pk][2]}
    return tops


def owners_lock(tops: Iterable[Top]) -> OwnersByKind:
    """Lock the owners, kind by kind in the order of the kinds' names: an approval comes before an order."""
    ids: dict[str, set[UUID]] = {}
    for top in tops:
        if top.owner_id and top.owner_kind in LISTENERS:
            ids.setdefault(top.owner_kind, set()).add(top.owner_id)
    return {kind: LISTENERS[kind].lock(sorted(ids[kind])) for kind in sorted(ids)}


def runs_lock(run_ids: Collection[UUID], tops: Iterable[Top]) -> dict[UUID, LockedRun]:
    """Lock the runs at the top, then these; whoever is not there any more is left out. Owners are locked before."""
    locked = _lock({top.run_id for top in tops})
    locked |= _lock(set(run_ids) - set(locked))
    return {run_id: locked[run_id] for run_id in run_ids if run_id in locked}


def _lock(run_ids: Collection[UUID]) -> dict[UUID, LockedRun]:
    return {row[0]: LockedRun(*row) for row in rows_lock(Run, LockedRun._fields, run_ids)}


def lock_above(run_id: UUID) -> None:
    """Lock what comes before the run in the lock order, inside the caller's transaction."""
    top = tops_over([run_id])[run_id]
    owners_lock([top])
    if top.run_id != run_id:
        runs_lock([], [top])


def lock_run_from_top(run_id: UUID) -> Run:
    """The run, locked after what comes before it, inside the caller's transaction. Raises 404."""
    lock_above(run_id)
    return lock_run(run_id)


def lock_run(run_id: UUID) -> Run:
    """The run, locked; the caller has locked what comes before it, or changes nothing of that. Raises 404."""
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise not_found("no such run")
    return run
