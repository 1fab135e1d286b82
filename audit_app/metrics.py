"""What the trail counts: totals of outcomes, and what the relay has not numbered yet."""

from __future__ import annotations

from audit_app.models import AuditRecord, Event
from audit_app.selectors import counters

__all__ = ["backlog", "counters"]


def backlog() -> dict[str, int]:
    events = Event.objects.filter(number__isnull=True).count()
    return {"relay_backlog": events + AuditRecord.objects.filter(number__isnull=True).count()}
