"""Ten thousand scheduled orders fall due in the same second: how long until all are out, and what others notice."""

from __future__ import annotations

import itertools
import statistics
import time

import httpx

from bench.rows.chains import BATCH
from bench.rows.row import CannotDo, Measured
from bench.shop import SHOPS, later, order
from bench.site import Running, Site

SCHEDULED = 10_000
GIVE_UP_SECONDS = 180
PAUSE = 0.02
LEFT = "SELECT EXISTS (SELECT FROM orders_app_hold WHERE kind = 'schedule' AND status = 'pending')"
DUE = """
    UPDATE orders_app_hold SET due_at = now() + interval '1 second', next_run_at = now() + interval '1 second'
    WHERE kind = 'schedule'
"""
OUT = "SELECT count(*) FILTER (WHERE status <> 'pending'), count(*) FROM orders_app_hold WHERE kind = 'schedule'"
_numbers = itertools.count()


def all_at_once(site: Site, seconds: float) -> Measured:
    scheduled = site.prepared("scheduled", _fill)
    with site.running(on=scheduled) as running, running.connect() as connection, running.client() as client:
        site.start_workers(running)
        running.gateway.wait_ready()
        before = p95_of(client, seconds)
        connection.execute(DUE)
        time.sleep(1)
        began = time.monotonic()
        times: list[float] = []
        left = True
        while left and time.monotonic() < began + GIVE_UP_SECONDS:
            times += send(client, 1)
            left = connection.execute(LEFT).fetchone() == (True,)
        took = time.monotonic() - began
        row = connection.execute(OUT).fetchone()
    assert row is not None
    out, held = row
    if not out:
        raise CannotDo(f"nothing was released within {GIVE_UP_SECONDS} s")
    notes = (f"{out:,} of {held:,} were out after {took:.0f} s; the rest at this rate",) if left else ()
    during = _p95(times)
    figures = {"s until all are out": took * held / out, "released/s": out / took}
    figures["p95 ms of orders meanwhile"] = during
    return Measured({**figures, "of before": during / before}, notes=notes)


def _fill(running: Running) -> None:
    with running.client() as client:
        for start in range(0, SCHEDULED, BATCH):
            numbers = range(start, start + BATCH)
            batch = [later(f"later-{number}", number % SHOPS) for number in numbers]
            answers = client.post("/v1/dispatch/batch", json=batch).raise_for_status().json()
            assert all("Scheduled" in answer for answer in answers), answers[:2]


def p95_of(client: httpx.Client, seconds: float) -> float:
    return _p95(send(client, seconds))


def send(client: httpx.Client, seconds: float) -> list[float]:
    """Orders one after another with a breath between them: what each took."""
    times: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        number = next(_numbers)
        started = time.perf_counter()
        client.post("/v1/dispatch", json=order(f"{time.time_ns():x}", number % SHOPS)).raise_for_status()
        times.append(time.perf_counter() - started)
        time.sleep(PAUSE)
    return times


def _p95(times: list[float]) -> float:
    return 1000 * (statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0])
