"""Why a run waits for a person. One incident of a run is open at the most."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from acteon_site.base.errors import AppError, conflict
from chains_app.models import Incident, Run


def open_incident(run: Run) -> Incident | None:
    return run.incidents.filter(resolved_at__isnull=True).first()


def require_incident(run: Run, seen: UUID | None) -> Incident | None:
    """The open incident, or None. Raises 409 where a person decides about another one, that they have `seen`."""
    found = open_incident(run)
    if seen is not None and (found is None or found.pk != seen):
        raise conflict("the run does not wait over this any more; look again", "INCIDENT_RESOLVED")
    return found


def incidents_open(incidents: Sequence[Incident], now: datetime) -> None:
    """Store these. Another reason is another incident, since a person decides about what they have seen."""
    incidents_close([incident.run_id for incident in incidents], "superseded", now)
    Incident.objects.bulk_create(incidents)


def incidents_close(run_ids: Collection[UUID], resolution: str, now: datetime, actor: str = "") -> None:
    """Close whatever is open of these runs."""
    if run_ids:
        Incident.objects.filter(run__in=run_ids, resolved_at__isnull=True).update(
            resolved_at=now, resolution=resolution, resolved_by=actor
        )


def not_running(run: Run) -> AppError:
    return conflict(f"the run is {run.status}", "NOT_RUNNING")
