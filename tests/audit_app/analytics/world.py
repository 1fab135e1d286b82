"""Records of many kinds and times, and what they come to when each of them is looked at."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from audit_app.models import AuditRecord, Rollup, RollupTime
from audit_app.services.journal import Subject
from tests.audit_app.conftest import SHOP, STRANGER, note

ORDER = {"total_cents": 1250, "currency": "EUR", "shipping_country": "DE"}
OTHER = Subject("ecommerce", "acme-store", "warehouse", "refund", "order-2")


def noon(days_ago: int = 0) -> datetime:
    return datetime.combine(timezone.now().date(), datetime.min.time(), UTC) + timedelta(
        hours=12, days=-days_ago
    )


def some_of_everything() -> None:
    """Two tenants, three days, several outcomes; not numbered yet."""
    for days_ago in (0, 1, 40):
        at = noon(days_ago) if days_ago else timezone.now()
        for minutes in (0, 1, 14, 16, 61):
            when = at - timedelta(minutes=minutes)
            note(SHOP, payload=ORDER, dispatched_at=when, matched_rule="r1")
            note(SHOP, outcome="suppressed", verdict="deny", payload=ORDER, dispatched_at=when)
            note(STRANGER, payload={**ORDER, "currency": "USD", "shipping_country": "US"}, dispatched_at=when)
            note(OTHER, outcome="failed", dispatched_at=when)
        note(
            SHOP,
            outcome="chain_step_completed",
            verdict="chain",
            dispatched_at=at,
            outcome_details={"chain_name": "c", "step": "s", "called": "x", "duration_us": 1500},
        )
        note(
            SHOP,
            outcome="chain_completed",
            verdict="chain",
            dispatched_at=at,
            outcome_details={"chain_name": "c"},
        )


def rows_counted() -> Counter[tuple[Any, ...]]:
    """Numbered records by day and what they have in common, each looked at."""
    found: Counter[tuple[Any, ...]] = Counter()
    rows = AuditRecord.objects.filter(number__isnull=False)
    for record in rows:
        day = int(record.dispatched_at.timestamp()) // 86_400 * 86_400
        found[day, record.tenant, record.provider, record.action_type, record.outcome] += 1
    return found


def sums_counted(grain: int, kind: int = 1) -> Counter[tuple[Any, ...]]:
    """The same by the sums of one grain."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in Rollup.objects.filter(grain=grain, kind=kind):
        day = row.at // 86_400 * 86_400
        found[day, row.tenant, row.provider, row.action_type, row.outcome] += row.count
    return found


def worth(**filters: Any) -> int:
    return int(Rollup.objects.filter(**filters).aggregate(total=Sum("amount"))["total"] or 0)


def all_sums() -> list[tuple[Any, ...]]:
    """Every sum but those of minutes, which grow old."""
    names = ("id", "count")
    rows = [*Rollup.objects.exclude(grain=60).values_list(*names, "amount")]
    return sorted([*rows, *RollupTime.objects.exclude(grain=60).values_list(*names, "micros")])
