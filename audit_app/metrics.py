"""What the trail counts beside its totals: what the relay has not numbered yet; and outcomes by their other names."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, Metric

from audit_app.models import AuditRecord, Event
from audit_app.selectors import counters

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
)
# Asked for as well; this gateway has no silences and no mutes, so none of it ever happens.
NEVER = ("silenced", "muted")


def backlog() -> dict[str, int]:
    events = Event.objects.filter(number__isnull=True).count()
    return {"relay_backlog": events + AuditRecord.objects.filter(number__isnull=True).count()}


def actions() -> Iterable[Metric]:
    counted = counters()
    for name in (*ACTIONS, *NEVER):
        text = f"Actions {name.replace('_', ' ')}"
        yield CounterMetricFamily(f"acteon_actions_{name}", text, value=counted.get(name, 0))
