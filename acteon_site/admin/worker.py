"""Whether workers are at work, for the pages."""

from __future__ import annotations

from acteon_site.base.clock import db_now
from acteon_site.models import Heartbeat


def worker_silent_seconds() -> float | None:
    """How long ago a worker finished a task, which one does each five seconds; None: none ever has."""
    at = Heartbeat.objects.filter(name="worker").values_list("at", flat=True).first()
    return (db_now() - at).total_seconds() if at else None
