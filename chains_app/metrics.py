"""What chains count: calls by provider, times by step, runs that are due, states of breakers."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

from audit_app.selectors import provider_counters, step_counters
from chains_app.models import CircuitBreaker, Run
from chains_app.services.repair import open_incidents
from chains_app.states import BreakerState

STATE_NUMBERS = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


def queues() -> dict[str, int]:
    return {
        "runs_due": Run.objects.filter(next_run_at__isnull=False).count(),
        "incidents_open": open_incidents().count(),
    }


def provider_calls() -> Iterable[Metric]:
    calls = CounterMetricFamily(
        "acteon_provider_calls", "Provider calls by result", labels=["provider", "result"]
    )
    for provider, totals in provider_counters().items():
        for result, value in totals.items():
            calls.add_metric([provider, result.removeprefix("provider_")], value)
    yield calls


def step_times() -> Iterable[Metric]:
    times = SummaryMetricFamily(
        "acteon_chain_step_seconds",
        "Calls of a chain's step and how long they took",
        labels=["chain", "step"],
    )
    for label, totals in step_counters().items():
        chain, _, step = label.rpartition("/")
        times.add_metric([chain, step], totals["calls"], totals["milliseconds"] / 1000)
    yield times


def breaker_states() -> Iterable[Metric]:
    states = GaugeMetricFamily(
        "acteon_circuit_breaker_state", "0 closed, 1 half open, 2 open", labels=["provider"]
    )
    for provider, state in CircuitBreaker.objects.values_list("provider", "state"):
        states.add_metric([provider], STATE_NUMBERS[BreakerState(state)])
    yield states
