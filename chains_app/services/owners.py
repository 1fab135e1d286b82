"""Whose run it is. A run below another (a sub-chain, a branch) belongs to the owner of the run at the top.

That owner is locked before any of these runs, and then the run at the top: their steps may move the owner, and runs
above and below wait for each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from chains_app.listeners import listener_of
from chains_app.models import Run


@dataclass(frozen=True, slots=True)
class Above:
    """The run at the top, seen from one of its runs, and its owner's kind and id."""

    top: UUID
    owner_kind: str = ""
    owner_id: UUID | None = None

    def lock(self, run_id: UUID) -> None:
        """The owner, then the run at the top, if it is another than this run, which is locked next anyway."""
        listener = listener_of(self.owner_kind)
        if listener and self.owner_id:
            listener.lock(self.owner_id)
        if self.top != run_id:
            Run.objects.select_for_update().filter(pk=self.top).values_list("pk").first()


def above(run_id: UUID) -> Above:
    found = Above(run_id)
    parent: UUID | None = run_id
    while parent:
        rows = Run.objects.filter(pk=parent).values_list("owner_kind", "owner_id", "parent_id")
        kind, owner, higher = rows.first() or ("", None, None)
        found, parent = Above(parent, kind, owner), higher
    return found
