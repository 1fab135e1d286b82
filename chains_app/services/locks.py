"""The lock order: a run's owner (an order, an approval), the run at the top, the run itself, then its steps.

A run below another (a sub-chain, a branch) belongs to the owner of the run at the top. Its steps may move that owner,
and runs above and below wait for each other: so both are locked before any of these runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from acteon_site.base.errors import not_found
from chains_app.listeners import listener_of
from chains_app.models import Run


@dataclass(frozen=True, slots=True)
class Top:
    """The run at the top, seen from one of its runs, and its owner's kind and id. None of these ever changes."""

    run_id: UUID
    owner_kind: str = ""
    owner_id: UUID | None = None

    def lock_before(self, run_id: UUID) -> None:
        """Lock the owner, then the run at the top unless it is `run_id`, which the caller locks next."""
        listener = listener_of(self.owner_kind)
        if listener and self.owner_id:
            listener.lock(self.owner_id)
        if self.run_id != run_id:
            Run.objects.select_for_update().filter(pk=self.run_id).values_list("pk").first()


def top_over(run_id: UUID) -> Top:
    """One query for each level; the run itself where there is none above it."""
    found = Top(run_id)
    parent: UUID | None = run_id
    while parent:
        rows = Run.objects.filter(pk=parent).values_list("owner_kind", "owner_id", "parent_id")
        kind, owner, higher = rows.first() or ("", None, None)
        found, parent = Top(parent, kind, owner), higher
    return found


def lock_above(run_id: UUID) -> None:
    """Lock what comes before the run in the lock order, inside the caller's transaction."""
    top_over(run_id).lock_before(run_id)


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
