"""Whose run it is. A run below another (a sub-chain, a branch) belongs to the owner of the run at the top.

That owner is locked before any of these runs: their steps may move it, and runs above and below wait for each other.
"""

from __future__ import annotations

from uuid import UUID

from chains_app.models import Run


def owner_above(run_id: UUID) -> tuple[str, UUID | None]:
    """The kind and the id of the owner of the run at the top, seen from this one."""
    above: UUID | None = run_id
    kind, owner = "", None
    while above:
        rows = Run.objects.filter(pk=above).values_list("owner_kind", "owner_id", "parent_id")
        kind, owner, above = rows.first() or ("", None, None)
    return kind, owner
