"""The Prometheus text: totals that all processes share, and the gauges that operations watch."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from audit_app.models import AuditRecord, Event
from audit_app.selectors import counters, provider_counters, step_counters
from chains_app.models import CircuitBreaker, Incident, Run
from chains_app.states import BreakerState
from orders_app.models import Hold
from orders_app.states import HoldKind, HoldStatus

STATE_NUMBERS = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


class Shared(Collector):
    """Read from the database at every scrape, so every process tells the same."""

    def collect(self) -> Iterable[Metric]:
        for name, value in counters().items():
            yield CounterMetricFamily(f"acteon_{name}", f"Total {name.replace('_', ' ')}", value=value)
        yield from _providers()
        yield _steps()
        yield from _queues()
        yield _breakers()


def _providers() -> Iterable[Metric]:
    calls = CounterMetricFamily(
        "acteon_provider_calls", "Provider calls by result", labels=["provider", "result"]
    )
    for provider, totals in provider_counters().items():
        for result, value in totals.items():
            calls.add_metric([provider, result.removeprefix("provider_")], value)
    yield calls


def _steps() -> Metric:
    times = SummaryMetricFamily(
        "acteon_chain_step_seconds",
        "Calls of a chain's step and how long they took",
        labels=["chain", "step"],
    )
    for label, totals in step_counters().items():
        chain, _, step = label.rpartition("/")
        times.add_metric([chain, step], totals["calls"], totals["milliseconds"] / 1000)
    return times


def _queues() -> Iterable[Metric]:
    pending = Hold.objects.filter(status=HoldStatus.PENDING)
    gauges = {
        "approvals_pending": pending.filter(kind=HoldKind.APPROVAL).count(),
        "schedules_pending": pending.exclude(kind=HoldKind.APPROVAL).count(),
        "runs_due": Run.objects.filter(next_run_at__isnull=False).count(),
        "incidents_open": Incident.objects.filter(resolved_at__isnull=True).count(),
        "relay_backlog": Event.objects.filter(number__isnull=True).count()
        + AuditRecord.objects.filter(number__isnull=True).count(),
    }
    for name, value in gauges.items():
        yield GaugeMetricFamily(f"acteon_{name}", name.replace("_", " "), value=value)


def _breakers() -> Metric:
    states = GaugeMetricFamily(
        "acteon_circuit_breaker_state", "0 closed, 1 half open, 2 open", labels=["provider"]
    )
    for provider, state in CircuitBreaker.objects.values_list("provider", "state"):
        states.add_metric([provider], STATE_NUMBERS[BreakerState(state)])
    return states


_registry = CollectorRegistry()
_registry.register(Shared())


def exposition() -> tuple[bytes, str]:
    return generate_latest(_registry), CONTENT_TYPE_LATEST
