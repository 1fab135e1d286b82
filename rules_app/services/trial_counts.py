"""Counts the trials of each hour that is over, so that a report adds up hours and not orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Min, Q, Sum

from acteon_site.base.digest import content_digest
from rules_app.models import RuleTrial, RuleTrialCount

ALIKE = (
    *("rule", "side", "would", "happened", "decided_by"),
    *("namespace", "tenant", "provider", "action_type", "currency"),
)
HOUR = timedelta(hours=1)
# A trial says when its transaction began to write; none takes longer than this to commit.
SETTLED = timedelta(minutes=10)
MOST_HOURS = 24


def trials_tidy(now: datetime, batch: int) -> int:
    """For the reaper's passes: counts what is due, and deletes nothing."""
    trials_count(now)
    return 0


def trials_count(now: datetime) -> int:
    """Count the next hours that are over; answers how many. Two processes at once do no harm."""
    for done in range(MOST_HOURS):
        hour = _next_hour()
        if hour is None or hour + HOUR + SETTLED > now:
            return done
        RuleTrialCount.objects.bulk_create(_counted(hour), ignore_conflicts=True, batch_size=500)
    return MOST_HOURS


def counted_until() -> datetime | None:
    """What is earlier is counted. None where nothing is."""
    newest = RuleTrialCount.objects.order_by("-hour").values_list("hour", flat=True).first()
    return newest + HOUR if newest else None


def uncounted() -> Q:
    """The filter of trials that no count holds."""
    until = counted_until()
    return Q(at__gte=until) if until else Q()


def _next_hour() -> datetime | None:
    oldest: datetime | None = RuleTrial.objects.filter(uncounted()).aggregate(at=Min("at"))["at"]
    return oldest.replace(minute=0, second=0, microsecond=0) if oldest else None


def _counted(hour: datetime) -> Iterator[RuleTrialCount]:
    rows = RuleTrial.objects.filter(at__gte=hour, at__lt=hour + HOUR).order_by().values(*ALIKE)
    for row in rows.annotate(trials=Count("id"), total=Sum("amount")):
        total = row.pop("total") or 0
        yield RuleTrialCount(id=_id(hour, row), hour=hour, amount=total, **row)


def _id(hour: datetime, row: dict[str, Any]) -> UUID:
    named = [hour.isoformat(), *(row[name] for name in ALIKE)]
    return UUID(content_digest(named)[:32])
