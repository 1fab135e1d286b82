"""Which runs retention removes: ended ones, with their steps, attempts, incidents and sub-chains."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from audit_app.models import RetentionPolicy
from audit_app.services.legal_holds import held_of
from chains_app.models import Run


def reap_runs(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """state_ttl: runs that ended before it. A sub-chain goes with its parent, which waits for all of them."""
    if policy.state_ttl_seconds is None:
        return 0
    # Locked, and judged as it stands then: a person may be resuming one at this very moment.
    ended = Run.objects.select_for_update(skip_locked=True).filter(
        namespace=policy.namespace,
        tenant=policy.tenant,
        parent__isnull=True,
        ended_at__lt=now - timedelta(seconds=policy.state_ttl_seconds),
    )
    held = held_of(policy.namespace, policy.tenant)
    ended = ended.exclude(Q(action_id__in=held.actions) | held.alive("started_at", "ended_at"))
    ids = list(ended.order_by("ended_at").values_list("pk", flat=True)[:batch])
    Run.objects.filter(pk__in=ids).delete()
    return len(ids)
