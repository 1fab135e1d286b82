"""What is counted: totals that all processes share, and Prometheus' text of them. The apps list what they count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from acteon_site.base.registry import Hook, Registry
from acteon_site.base.replica import is_set, replica_state

# Totals without a label by name, for GET /metrics and as counters.
TOTALS: Registry[Hook[Callable[[], Mapping[str, int]]]] = Registry("table of totals")
# How much of something there is now, by name.
GAUGES: Registry[Hook[Callable[[], Mapping[str, int]]]] = Registry("table of gauges")
# Whatever has labels.
FAMILIES: Registry[Hook[Callable[[], Iterable[Metric]]]] = Registry("family of metrics")


def totals() -> dict[str, int]:
    return {name: value for table in TOTALS.values() for name, value in table.call().items()}


class Shared(Collector):
    """Read from the database at every scrape, so every process tells the same."""

    def collect(self) -> Iterable[Metric]:
        for name, value in totals().items():
            yield CounterMetricFamily(f"acteon_{name}", f"Total {name.replace('_', ' ')}", value=value)
        for table in GAUGES.values():
            for name, value in table.call().items():
                yield GaugeMetricFamily(f"acteon_{name}", name.replace("_", " "), value=value)
        for family in FAMILIES.values():
            yield from family.call()


def replica_lag() -> Iterable[Metric]:
    """Without a value where there is no replica, or nobody knows."""
    state = replica_state() if is_set() else None
    up = None if state is None else int(not state.problem)
    lag = state.lag_seconds if state else None
    yield GaugeMetricFamily("acteon_replica_up", "1 where lists are read from it", value=up)
    yield GaugeMetricFamily("acteon_replica_lag_seconds", "How far the replica is behind", value=lag)


_registry = CollectorRegistry(auto_describe=False)
_registry.register(Shared())


def exposition() -> tuple[bytes, str]:
    """The text of all metrics, and its content type."""
    return generate_latest(_registry), CONTENT_TYPE_LATEST
