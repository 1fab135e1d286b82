"""How many orders per second one web process takes in: one by one, and in batches.

`python -m bench.dispatch --orders 400 --runs 5`

PostgreSQL (fsync on) and Redis of its own; no worker runs, so nothing else uses the machine. Each round measures all
ways after one another, so that their ratios come from the same minute; the medians are of the rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

from bench.orders import order_of
from bench.throughput import logging_gateway

CLIENTS = 4
_seeds = iter(range(10**6))


def orders(count: int) -> Iterator[dict[str, object]]:
    """Fresh ones at every call."""
    seed = next(_seeds)
    return (order_of(number, seed) for number in range(count))


def one_by_one(client: httpx.Client, count: int) -> None:
    for order in orders(count):
        assert "Executed" in client.post("/v1/dispatch", json=order).raise_for_status().json()


def at_once(client: httpx.Client, count: int) -> None:
    """Several clients at the same time, each one by one."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda _: one_by_one(client, count // CLIENTS), range(CLIENTS)))


def in_batches(size: int) -> Callable[[httpx.Client, int], None]:
    def send(client: httpx.Client, count: int) -> None:
        waiting = list(orders(count))
        for start in range(0, count, size):
            answers = client.post("/v1/dispatch/batch", json=waiting[start : start + size]).raise_for_status()
            assert all("Executed" in answer for answer in answers.json())

    return send


WAYS: dict[str, Callable[[httpx.Client, int], None]] = {
    "one by one": one_by_one,
    f"one by one, {CLIENTS} clients": at_once,
    "batches of 10": in_batches(10),
    "batches of 100": in_batches(100),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.dispatch", description=__doc__)
    parser.add_argument("--orders", type=int, default=400, help="in each way and round")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args(arguments)
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    with logging_gateway(workers=0) as (gateway, _):
        headers = {"Authorization": f"Bearer {gateway.key}"}
        with httpx.Client(base_url=gateway.url, headers=headers, timeout=60, trust_env=False) as client:
            one_by_one(client, 20)  # caches, connections
            for number in range(given.runs):
                for way, send in WAYS.items():
                    started = time.perf_counter()
                    send(client, given.orders)
                    rates[way].append(given.orders / (time.perf_counter() - started))
                told = ", ".join(f"{way} {found[-1]:.0f}/s" for way, found in rates.items())
                print(f"run {number + 1}: {told}", flush=True)
    single = statistics.median(rates["one by one"])
    for way, found in rates.items():
        middle = statistics.median(found)
        print(f"{way:<24} {middle:6.0f} orders/s  x{middle / single:.1f}")
    print(f"({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
