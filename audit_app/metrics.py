"""What the trail counts beside its totals: what the relay has not numbered yet; and outcomes by their other names."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from acteon_site.base.clock import db_now
from audit_app.models import AuditHead, AuditRecord, Event
from audit_app.selectors import counters, dispatch_counters, rule_counters

# Outcomes under the names that existing dashboards ask for.
ACTIONS = (
    "dispatched",
    "executed",
    "failed",
    "suppressed",
    "throttled",
    "deduplicated",
    "rerouted",
    "scheduled",
    "pending_approval",
    "silenced",
    "muted",
)


def backlog() -> dict[str, float]:
    events = Event.objects.filter(number__isnull=True).count()
    return {
        "relay_backlog": events + AuditRecord.objects.filter(number__isnull=True).count(),
        "relay_oldest_seconds": relay_oldest_seconds() or 0,
        "audit_chains_broken": AuditHead.objects.exclude(broken_at="").count(),
    }


def relay_oldest_seconds() -> float | None:
    """For how long the oldest record or event waits for its number; None where none does."""
    record = (
        AuditRecord.objects.filter(number=None).order_by("id").values_list("completed_at", flat=True).first()
    )
    event = Event.objects.filter(number=None).order_by("id").values_list("created_at", flat=True).first()
    waiting = [moment for moment in (record, event) if moment]
    return max(0.0, (db_now() - min(waiting)).total_seconds()) if waiting else None


def actions() -> Iterable[Metric]:
    counted = counters()
    for name in ACTIONS:
        text = f"Actions {name.replace('_', ' ')}"
        yield CounterMetricFamily(f"acteon_actions_{name}", text, value=counted.get(name, 0))


def dispatch_times() -> Iterable[Metric]:
    times = HistogramMetricFamily(
        "acteon_dispatch_seconds",
        "From an action's arrival to its outcome; of bare actions with their call",
        labels=["outcome"],
    )
    for outcome, counted in dispatch_counters().items():
        times.add_metric([outcome], list(counted.within.items()), counted.seconds)
    yield times


def rules() -> Iterable[Metric]:
    decided = CounterMetricFamily(
        "acteon_rule_actions",
        "Actions by the rule that decided, and what became of them",
        labels=["rule", "outcome"],
    )
    for rule, outcome, value in rule_counters():
        decided.add_metric([rule, outcome], value)
    yield decided
