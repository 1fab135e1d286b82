"""What the trail counts beside its totals: what the relay has not numbered yet."""

from __future__ import annotations

from audit_app.models import AuditRecord, Event


def backlog() -> dict[str, int]:
    events = Event.objects.filter(number__isnull=True).count()
    return {"relay_backlog": events + AuditRecord.objects.filter(number__isnull=True).count()}
