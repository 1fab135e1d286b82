"""What retention removes of silences: those that have ended, as of other states that are over."""

from __future__ import annotations

from datetime import datetime, timedelta

from audit_app.models import RetentionPolicy
from audit_app.services.legal_holds import held_of
from rules_app.models import Silence


def reap_silences(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """state_ttl: those that ended before it. What they silenced stands in the trail."""
    if policy.state_ttl_seconds is None:
        return 0
    ended = Silence.objects.filter(
        namespace=policy.namespace,
        tenant=policy.tenant,
        ends_at__lt=now - timedelta(seconds=policy.state_ttl_seconds),
    )
    ended = ended.exclude(held_of(policy.namespace, policy.tenant).alive("starts_at", "ends_at"))
    ids = list(ended.order_by("ends_at").values_list("pk", flat=True)[:batch])
    Silence.objects.filter(pk__in=ids).delete()
    return len(ids)
