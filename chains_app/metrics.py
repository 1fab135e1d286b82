"""What chains count: calls by provider, times by step, runs that are due, states of breakers."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Min
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from acteon_site.base.clock import db_now
from audit_app.selectors import provider_counters, step_counters
from chains_app.models import CircuitBreaker, Run
from chains_app.services.health import provider_health
from chains_app.services.leases import runs_free
from chains_app.services.repair import dead_letters, open_incidents
from chains_app.states import BreakerState

CALL_TOTALS = {"requests": "total_requests", "successes": "successes", "failures": "failures"}
CALL_GAUGES = {
    "success_rate": "Calls that succeeded since the beginning, in percent",
    "avg_latency_ms": "Mean of the newest calls, in milliseconds",
    **{
        f"p{share}_latency_ms": f"Of the newest calls, {share} % took at most so long"
        for share in (50, 95, 99)
    },
}
STATE_NUMBERS = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


def queues() -> dict[str, float]:
    """A run that waits for a time is not due before it; one that a worker has taken does not wait."""
    return {
        "runs_due": Run.objects.filter(next_run_at__lte=db_now()).count(),
        "runs_oldest_due_seconds": runs_oldest_due_seconds() or 0,
        "incidents_open": open_incidents().count(),
        "dead_letters": dead_letters().count(),
    }


def runs_oldest_due_seconds() -> float | None:
    """For how long the run that waits longest for a worker is due; None where none waits."""
    now = db_now()
    oldest = runs_free(now).aggregate(oldest=Min("next_run_at"))["oldest"]
    return None if oldest is None else max(0.0, (now - oldest).total_seconds())


def breakers_open() -> list[tuple[str, float]]:
    """Providers that are left alone, and for how many seconds."""
    now = db_now()
    rows = CircuitBreaker.objects.filter(enabled=True, state=BreakerState.OPEN, opened_at__isnull=False)
    return [(row.provider, (now - row.opened_at).total_seconds()) for row in rows if row.opened_at]


def provider_calls() -> Iterable[Metric]:
    calls = CounterMetricFamily(
        "acteon_provider_calls", "Provider calls by result", labels=["provider", "result"]
    )
    for provider, totals in provider_counters().items():
        for result, value in totals.items():
            calls.add_metric([provider, result.removeprefix("provider_")], value)
    yield calls


def provider_states() -> Iterable[Metric]:
    """How each provider does, under the names that dashboards ask for: gauges of its newest calls."""
    reports = provider_health()
    for name, field in CALL_TOTALS.items():
        total = CounterMetricFamily(f"acteon_provider_{name}", f"Provider calls: {name}", labels=["provider"])
        for report in reports:
            total.add_metric([report["provider"]], report[field])
        yield total
    for name, text in CALL_GAUGES.items():
        gauge = GaugeMetricFamily(f"acteon_provider_{name}", text, labels=["provider"])
        for report in reports:
            gauge.add_metric([report["provider"]], report[name])
        yield gauge


def step_times() -> Iterable[Metric]:
    times = HistogramMetricFamily(
        "acteon_chain_step_seconds",
        "Calls of a chain's step and how long they took",
        labels=["chain", "step"],
    )
    for label, counted in step_counters().items():
        chain, _, step = label.rpartition("/")
        times.add_metric([chain, step], list(counted.within.items()), counted.seconds)
    yield times


def breaker_states() -> Iterable[Metric]:
    states = GaugeMetricFamily(
        "acteon_circuit_breaker_state", "0 closed, 1 half open, 2 open", labels=["provider"]
    )
    for provider, state in CircuitBreaker.objects.values_list("provider", "state"):
        states.add_metric([provider], STATE_NUMBERS[BreakerState(state)])
    yield states
