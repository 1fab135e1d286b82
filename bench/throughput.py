"""How many orders per second two worker processes bring to their end.

`python -m bench.throughput --orders 1000 --runs 3`

PostgreSQL (fsync on) and Redis of its own, log providers, the fixture's chain: validate, charge, fulfill, notify.
Orders are dispatched first, then the workers start; counted is the time between the first attempt and the last end,
by the database's clock. With --profile one process advances them instead, under cProfile.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.gateway import ROOT, Gateway, configuration
from bench.orders import order_of
from bench.services import OwnPostgres, OwnRedis, wait_for

BATCH = 100
SPAN = """
    SELECT extract(epoch FROM (SELECT max(ended_at) FROM chains_app_run WHERE action_id LIKE %(run)s)
                            - (SELECT min(a.started_at) FROM chains_app_attempt a
                               JOIN chains_app_steprun s ON s.id = a.step_id
                               JOIN chains_app_run r ON r.id = s.run_id WHERE r.action_id LIKE %(run)s)),
           (SELECT count(*) FROM chains_app_attempt a JOIN chains_app_steprun s ON s.id = a.step_id
            JOIN chains_app_run r ON r.id = s.run_id WHERE r.action_id LIKE %(run)s)
"""
UNDER_WAY = "SELECT count(*) FROM chains_app_run WHERE ended_at IS NULL"
PROFILED = """
import cProfile, pstats, time, django
django.setup()
from chains_app.services.advance import runs_sweep
profile = cProfile.Profile(time.process_time)
profile.enable()
begun = time.process_time()
while taken := runs_sweep():
    print(f"{taken} runs, {1000 * (time.process_time() - begun) / taken:.2f} ms of CPU each, profiler included")
    begun = time.process_time()
profile.disable()
pstats.Stats(profile).sort_stats("cumulative").print_stats(70)
pstats.Stats(profile).sort_stats("tottime").print_stats(25)
"""


@contextmanager
def logging_gateway(workers: int) -> Iterator[tuple[Gateway, OwnPostgres]]:
    """A gateway whose providers log; its web process is up, workers and scheduler are not."""
    with tempfile.TemporaryDirectory(prefix="acteon-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        postgres = OwnPostgres(directory)
        redis = OwnRedis(directory)
        gateway = Gateway(directory, postgres.url, redis.url, workers=workers, concurrency=1)
        try:
            gateway.install(configuration(directory, None))
            gateway.add_web()
            wait_for(lambda: _healthy(gateway), 60, "the web process")
            yield gateway, postgres
        finally:
            gateway.stop()
            redis.stop()
            postgres.stop("immediate")


def _healthy(gateway: Gateway) -> bool:
    try:
        return httpx.get(gateway.url + "/health", timeout=5, trust_env=False, verify=False).is_success
    except httpx.HTTPError:
        return False


def dispatch(gateway: Gateway, orders: int, seed: int) -> None:
    headers = {"Authorization": f"Bearer {gateway.key}"}
    with httpx.Client(base_url=gateway.url, headers=headers, timeout=60, trust_env=False) as client:
        for start in range(0, orders, BATCH):
            actions = [order_of(number, seed) for number in range(start, min(start + BATCH, orders))]
            answers = client.post("/v1/dispatch/batch", json=actions).raise_for_status().json()
            assert all("Executed" in answer for answer in answers), answers[:2]


def measure(gateway: Gateway, postgres: OwnPostgres, orders: int, seed: int) -> tuple[float, int]:
    """(seconds, calls to providers) for these orders."""
    dispatch(gateway, orders, seed)
    gateway.add_workers()
    with postgres.connect() as connection:
        wait_for(lambda: connection.execute(UNDER_WAY).fetchone() == (0,), 900, "the last order", 0.2)
        row = connection.execute(SPAN, {"run": f"ord-{seed}-%"}).fetchone()
    for part in [*gateway.named("worker"), *gateway.named("beat")]:
        part.stop()
    assert row is not None
    return float(row[0]), int(row[1])


def profile(gateway: Gateway, orders: int) -> None:
    dispatch(gateway, orders, 0)
    env = {**gateway.env, "DJANGO_SETTINGS_MODULE": "acteon_site.settings", "ACTEON_LOG_LEVEL": "WARNING"}
    subprocess.run([sys.executable, "-c", PROFILED], cwd=ROOT, env=env, check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description=__doc__)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args(arguments)
    with logging_gateway(given.workers) as (gateway, postgres):
        if given.profile:
            profile(gateway, given.orders)
            return 0
        rates = []
        for number in range(given.runs):
            seconds, calls = measure(gateway, postgres, given.orders, number)
            rates.append(given.orders / seconds)
            print(
                f"run {number + 1}: {given.orders} orders in {seconds:.1f} s: {rates[-1]:.0f} orders/s,"
                f" {calls / seconds:.0f} steps/s",
                flush=True,
            )
    load = os.getloadavg()[0]
    print(f"median {statistics.median(rates):.0f} orders/s with {given.workers} worker processes")
    print(f"({os.cpu_count()} cores, load {load:.1f}, {time.strftime('%Y-%m-%d')})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
