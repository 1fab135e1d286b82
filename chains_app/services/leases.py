"""Who may advance a run: the holder of its lease, whose token guards every result that is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from acteon_site.base.clock import db_now
from acteon_site.base.ids import new_id
from chains_app.models import Run
from chains_app.services.owners import Above, above

# A lease outlasts the longest call that it covers by this much.
MARGIN = timedelta(seconds=30)
SHORT = timedelta(seconds=30)
# A run that was due this long before anyone took it gets the time back: deadlines measure work, not absence.
ABSENCE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Lease:
    """The owner of a run (or of the run at the top) never changes: it is read once, and locked first in every turn.

    `absent`: for how long the run was due and nobody took it, where that is worth giving back.
    """

    run_id: UUID
    token: UUID
    above: Above
    absent: timedelta = timedelta(0)


def lease_take(run_id: UUID) -> Lease | None:
    """The right to advance the run, or None: not due, ended, or someone else is at it."""
    now, token = db_now(), new_id()
    due = Run.objects.filter(pk=run_id, ended_at__isnull=True, next_run_at__lte=now)
    free = due.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now))
    found = free.values_list("owner_kind", "owner_id", "parent_id", "next_run_at").first()
    if found is None or not free.update(lease_token=token, lease_until=now + SHORT):
        return None
    kind, owner, parent, due_at = found
    family = above(parent) if parent else Above(run_id, kind, owner)
    absent = now - (due_at or now)
    return Lease(run_id, token, family, absent if absent > ABSENCE else timedelta(0))


def runs_due(limit: int) -> list[UUID]:
    """Runs that nobody is at, the longest due first."""
    now = db_now()
    due = Run.objects.filter(next_run_at__lte=now).filter(
        Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    )
    return list(due.order_by("next_run_at").values_list("pk", flat=True)[:limit])
