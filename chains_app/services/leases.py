"""Who may advance a run: the holder of its lease, whose token guards every result that is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, F, Q, When

from acteon_site.base.clock import db_now
from acteon_site.base.ids import new_id
from chains_app.models import Run

# A lease outlasts the longest call that it covers by this much.
MARGIN = timedelta(seconds=30)
SHORT = timedelta(seconds=30)
# A run that was due this long before anyone took it gets the time back: deadlines measure work, not absence.
ABSENCE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Lease:
    """The owner of a run never changes: it is read once, and locked before the run in every turn."""

    run_id: UUID
    token: UUID
    owner_kind: str
    owner_id: UUID | None


def lease_take(run_id: UUID) -> Lease | None:
    """The right to advance the run, or None: not due, ended, or someone else is at it."""
    now, token = db_now(), new_id()
    due = Run.objects.filter(pk=run_id, ended_at__isnull=True, next_run_at__lte=now)
    free = due.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now))
    owner = free.values_list("owner_kind", "owner_id").first()
    taken = {"lease_token": token, "lease_until": now + SHORT, "expires_at": _without_absence(now)}
    if owner is None or not free.update(**taken):
        return None
    return Lease(run_id, token, *owner)


def _without_absence(now: datetime) -> Case:
    """The deadline, later by the time in which nobody took the run."""
    later = F("expires_at") + (now - F("next_run_at"))
    return Case(
        When(expires_at__isnull=False, next_run_at__lt=now - ABSENCE, then=later), default=F("expires_at")
    )


def runs_due(limit: int) -> list[UUID]:
    """Runs that nobody is at, the longest due first."""
    now = db_now()
    due = Run.objects.filter(next_run_at__lte=now).filter(
        Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    )
    return list(due.order_by("next_run_at").values_list("pk", flat=True)[:limit])
