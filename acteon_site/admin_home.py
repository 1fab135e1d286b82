"""The figures of the admin's home page, each by a bounded query and only for who may see its rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from acteon_site.admin_times import countdown, span_text
from acteon_site.base.clock import db_now
from audit_app.counting import DISPATCH_OUTCOMES
from audit_app.models import AuditRecord
from chains_app.models import CircuitBreaker, Incident
from chains_app.states import BreakerState
from orders_app.admin.showing import amount_of
from orders_app.models import Hold
from orders_app.states import HoldKind, HoldStatus
from rules_app.models import GateRow, Quota
from rules_app.services.quota_windows import spec_of

HOURS = 24
MOST_RECORDS = 20_000
MOST_QUOTAS = 200
MOST_SHOWN = 6
MOST_COUNTED = 999
NEAR = 0.8
# Group of outcomes -> its words. The order is that of the bars, from below.
OUTCOME_GROUPS = {
    "good": ("Went through", ("executed", "rerouted", "chain_started")),
    "waits": ("Held", ("pending_approval", "scheduled")),
    "same": ("Repeats", ("deduplicated", "grouped")),
    "away": ("Turned away", ("suppressed", "throttled", "quota_exceeded", "circuit_open")),
    "failed": ("Failed", ("failed",)),
}
GROUP_OF = {outcome: key for key, (_, outcomes) in OUTCOME_GROUPS.items() for outcome in outcomes}


@dataclass(slots=True)
class Hour:
    begins: datetime
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The last 24 clock hours, oldest first; `cut` where only the newest MOST_RECORDS were read."""

    hours: list[Hour]
    last_hour: Counter[str]
    cut: bool

    @property
    def total(self) -> Counter[str]:
        return sum((hour.counts for hour in self.hours), Counter())


def home(request: HttpRequest) -> dict[str, Any]:
    parts = {
        "orders_app.view_hold": _holds,
        "chains_app.view_incident": _incidents,
        "audit_app.view_auditrecord": _outcomes,
        "chains_app.view_circuitbreaker": _breakers,
        "rules_app.view_quota": _quotas,
    }
    found: dict[str, Any] = {"at": timezone.now()}
    for permission, part in parts.items():
        if request.user.has_perm(permission):
            found |= part()
    return found


def _holds() -> dict[str, Any]:
    now = timezone.now()
    pending = Hold.objects.filter(status=HoldStatus.PENDING)
    approvals = pending.filter(kind=HoldKind.APPROVAL, due_at__gt=now).order_by("due_at")
    first = approvals.select_related("action", "order").defer("outcome", "context", "cleared", "passed")
    waiting = pending.filter(kind__in=(HoldKind.SCHEDULE, HoldKind.TURN))
    return {
        "approvals": [_approval(hold) for hold in first[:MOST_SHOWN]],
        "approval_count": bounded_count(approvals),
        "waiting_count": bounded_count(waiting),
    }


def _approval(hold: Hold) -> dict[str, Any]:
    return {
        "url": reverse("admin:orders_app_approval_change", args=[hold.pk]),
        "name": hold.order_name,
        "shop": hold.tenant,
        "amount": amount_of(hold),
        "rule": hold.rule,
        "left": countdown(hold.due_at),
    }


def _incidents() -> dict[str, Any]:
    open_ones = Incident.objects.filter(resolved_at__isnull=True)
    newest = open_ones.select_related("run").order_by("-opened_at")
    newest = newest.only("reason", "step", "opened_at", "run__chain_name", "run__tenant")
    return {"incidents": list(newest[:MOST_SHOWN]), "incident_count": bounded_count(open_ones)}


def bounded_count(rows: QuerySet[Any]) -> str:
    count = rows.order_by()[: MOST_COUNTED + 1].count()
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count)


def _outcomes() -> dict[str, Any]:
    outcomes = outcomes_of_a_day(timezone.now())
    groups = [
        {"key": key, "words": words, "hour": outcomes.last_hour[key], "day": outcomes.total[key]}
        for key, (words, _) in OUTCOME_GROUPS.items()
    ]
    return {
        "outcomes": outcomes,
        "groups": groups,
        "bars": bars(outcomes),
        "hour_count": outcomes.last_hour.total(),
        "day_count": outcomes.total.total(),
        "most_records": MOST_RECORDS,
    }


def outcomes_of_a_day(now: datetime) -> Outcomes:
    """What became of the orders of the last 24 hours, releases included; steps of chains are not counted."""
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    records = AuditRecord.objects.filter(dispatched_at__gte=first, outcome__in=DISPATCH_OUTCOMES)
    newest = records.exclude(verdict="chain").order_by("-dispatched_at")
    seen = list(newest.values_list("dispatched_at", "outcome")[:MOST_RECORDS])
    hours = [Hour(first + timedelta(hours=index)) for index in range(HOURS)]
    last_hour: Counter[str] = Counter()
    for at, outcome in seen:
        group = GROUP_OF[outcome]
        hours[min(HOURS - 1, int((at - first).total_seconds() // 3600))].counts[group] += 1
        if now - at <= timedelta(hours=1):
            last_hour[group] += 1
    return Outcomes(hours, last_hour, len(seen) == MOST_RECORDS)


def bars(outcomes: Outcomes, *, width: int = 720, height: int = 230) -> dict[str, Any]:
    """Where the stacked bars stand in a chart of that size (SVG units), and the labels below them."""
    highest = max((hour.counts.total() for hour in outcomes.hours), default=0) or 1
    wide = width / HOURS
    rects, labels = [], []
    for index, hour in enumerate(outcomes.hours):
        below = 0.0
        for key in OUTCOME_GROUPS:
            tall = hour.counts[key] / highest * (height - 30)
            if tall:
                top = height - 18 - below - tall
                title = f"{hour.begins:%H:%M}: {hour.counts[key]} {OUTCOME_GROUPS[key][0].lower()}"
                rects.append(
                    {
                        "key": key,
                        "x": _svg(index * wide + 3),
                        "y": _svg(top),
                        "w": _svg(wide - 6),
                        "h": _svg(tall),
                        "title": title,
                    }
                )
            below += tall
        if index % 4 == 3:
            labels.append({"x": _svg(index * wide + wide / 2), "text": f"{hour.begins:%H:%M}"})
    return {
        "width": width,
        "height": height,
        "base": height - 18,
        "text": height - 4,
        "rects": rects,
        "labels": labels,
        "highest": highest,
    }


def _svg(number: float) -> str:
    return f"{number:.1f}"


def _breakers() -> dict[str, Any]:
    tripped = (
        CircuitBreaker.objects.exclude(state=BreakerState.CLOSED).filter(enabled=True).order_by("opened_at")
    )
    return {"breakers": list(tripped[:MOST_SHOWN])}


def _quotas() -> dict[str, Any]:
    """Those that are nearly used up, the fullest first, by one query for all their windows."""
    now = db_now()
    quotas = list(
        Quota.objects.filter(enabled=True, per_principal=False).order_by("created_at", "id")[:MOST_QUOTAS]
    )
    keys = {spec_of(quota).key("", now): quota for quota in quotas}
    rows = GateRow.objects.filter(pk__in=keys)
    used = [_usage(keys[row.pk], int(row.data.get("used", 0)), now) for row in rows]
    near = sorted((usage for usage in used if usage["share"] >= NEAR), key=_share, reverse=True)
    return {"quotas": near[:MOST_SHOWN]}


def _usage(quota: Quota, used: int, now: datetime) -> dict[str, Any]:
    share = used / quota.max_actions
    return {
        "quota": quota,
        "used": used,
        "share": share,
        "percent": min(100, round(share * 100)),
        "resets_in": span_text((spec_of(quota).ends(now) - now).total_seconds()),
    }


def _share(usage: dict[str, Any]) -> float:
    return float(usage["share"])
