"""What is counted: totals that all processes share, and Prometheus' text of them. The apps list what they count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from shutil import disk_usage

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from acteon_site.base.clock import db_now
from acteon_site.base.registry import Hook, Registry
from acteon_site.base.replica import is_set, replica_state
from acteon_site.models import Heartbeat
from acteon_site.watching.sizes import connection_counts, database_bytes, disk_paths

# Totals without a label by name, for GET /metrics and as counters.
TOTALS: Registry[Hook[Callable[[], Mapping[str, int]]]] = Registry("table of totals")
# How much of something there is now, by name.
GAUGES: Registry[Hook[Callable[[], Mapping[str, float]]]] = Registry("table of gauges")
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
            for name, amount in table.call().items():
                yield GaugeMetricFamily(f"acteon_{name}", name.replace("_", " "), value=amount)
        for family in FAMILIES.values():
            yield from family.call()


def processes() -> Iterable[Metric]:
    """Since when the canary is silent. Without a value where no worker has ever finished a task."""
    beat = Heartbeat.objects.filter(name="worker").first()
    age = max(0.0, (db_now() - beat.at).total_seconds()) if beat else None
    text = "Since a worker last finished a task that the scheduler had sent"
    yield GaugeMetricFamily("acteon_worker_heartbeat_age_seconds", text, value=age)


def database() -> Iterable[Metric]:
    yield GaugeMetricFamily("acteon_database_bytes", "With all tables and indexes", value=database_bytes())
    open_now = GaugeMetricFamily("acteon_database_connections", "Of the whole server", labels=["state"])
    most = GaugeMetricFamily("acteon_database_connections_max", "How many the server takes")
    counts = connection_counts()
    if counts is not None:
        for state, count in counts.by_state.items():
            open_now.add_metric([state], count)
        most.add_metric([], counts.most)
    yield from (open_now, most)


def disks() -> Iterable[Metric]:
    """Of the host that answers."""
    free = GaugeMetricFamily("acteon_disk_free_bytes", "Of disks that this host sees", labels=["path"])
    size = GaugeMetricFamily("acteon_disk_size_bytes", "Of the same disks", labels=["path"])
    for path in disk_paths():
        usage = disk_usage(path)
        free.add_metric([str(path)], usage.free)
        size.add_metric([str(path)], usage.total)
    yield from (free, size)


def replica_lag() -> Iterable[Metric]:
    """As the process that answers sees it. Without a value where there is no replica, or nobody knows."""
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
