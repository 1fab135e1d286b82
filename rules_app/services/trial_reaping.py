"""What retention removes of trials: as of the trail, whose decisions they are."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from audit_app.models import RetentionPolicy
from audit_app.services.legal_holds import held_of
from rules_app.models import RuleTrial, RuleTrialCount


def reap_trials(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """audit_ttl: the oldest trials, then the oldest counts of them."""
    if policy.audit_ttl_seconds is None:
        return 0
    scope = {"namespace": policy.namespace, "tenant": policy.tenant}
    cutoff = now - timedelta(seconds=policy.audit_ttl_seconds)
    held = held_of(policy.namespace, policy.tenant)
    trials = (
        RuleTrial.objects.filter(**scope, at__lt=cutoff)
        .exclude(Q(action_id__in=held.actions) | held.alive("at"))
        .order_by("at")
    )
    ids = list(trials.values_list("pk", flat=True)[:batch])
    RuleTrial.objects.filter(pk__in=ids).delete()
    # An hour goes once its youngest trial would.
    counts = RuleTrialCount.objects.filter(**scope, hour__lt=cutoff - timedelta(hours=1)).order_by("hour")
    hours = list(counts.values_list("pk", flat=True)[: batch - len(ids)])
    RuleTrialCount.objects.filter(pk__in=hours).delete()
    return len(ids) + len(hours)
