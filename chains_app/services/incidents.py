"""Why a run waits for a person. One incident of a run is open at the most."""

from __future__ import annotations

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


def incident_open(run: Run, *, step: str, reason: str, message: str, now: datetime) -> None:
    """Another reason is another incident, since a person decides about what they have seen."""
    incident_close(run, "superseded", now)
    Incident.objects.create(run=run, step=step, reason=reason, message=message, opened_at=now)


def incident_close(run: Run, resolution: str, now: datetime, actor: str = "") -> None:
    Incident.objects.filter(run=run, resolved_at__isnull=True).update(
        resolved_at=now, resolution=resolution, resolved_by=actor
    )


def not_running(run: Run) -> AppError:
    return conflict(f"the run is {run.status}", "NOT_RUNNING")
