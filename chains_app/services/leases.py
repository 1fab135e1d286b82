"""Who may advance a run: the holder of its lease, whose token guards every result that is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from acteon_site.base.clock import db_now
from acteon_site.base.ids import new_id
from chains_app.models import Run
from chains_app.services.locks import Top, top_over

# A lease outlasts the call that it covers by this much.
MARGIN = timedelta(seconds=30)
# Until a call is recorded as started, which extends the lease.
FIRST_LEASE = timedelta(seconds=30)
# A run that waited longer for a worker than this has its deadline extended by it: deadlines measure work.
ABSENCE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to advance a run. `top` is read once, since it never changes, and locked first in every turn.

    `absent`: for how long the run was due and nobody took it, by which its deadline is extended.
    """

    run_id: UUID
    token: UUID
    top: Top
    absent: timedelta = timedelta(0)


def lease_take(run_id: UUID) -> Lease | None:
    """The lease of a run that is due, or None: it is not, it has ended, or another worker holds its lease."""
    now, token = db_now(), new_id()
    due = Run.objects.filter(pk=run_id, ended_at__isnull=True, next_run_at__lte=now)
    free = due.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now))
    found = free.values_list("owner_kind", "owner_id", "parent_id", "next_run_at").first()
    if found is None or not free.update(lease_token=token, lease_until=now + FIRST_LEASE):
        return None
    kind, owner, parent, due_at = found
    top = top_over(parent) if parent else Top(run_id, kind, owner)
    absent = now - (due_at or now)
    return Lease(run_id, token, top, absent if absent > ABSENCE else timedelta(0))


def runs_due(limit: int) -> list[UUID]:
    """Runs that are due and whose lease nobody holds, the longest due first."""
    now = db_now()
    due = Run.objects.filter(next_run_at__lte=now).filter(
        Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    )
    return list(due.order_by("next_run_at").values_list("pk", flat=True)[:limit])
