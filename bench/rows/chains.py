"""How many chains of four calls two worker processes complete, once more of them wait than they can take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg

from bench.rows.row import Measured
from bench.services import wait_for
from bench.shop import SHOPS, order
from bench.site import Running, Site

BATCH = 200
WAITING = 4000
SETTLE_SECONDS = 5.0  # until the first runs have gone through all of their calls, and more
ENDED = """
    SELECT count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status <> 'completed')
    FROM chains_app_run WHERE chain_name = %s AND ended_at >= to_timestamp(%s) AND ended_at < to_timestamp(%s)
"""
BEGUN = "SELECT EXISTS (SELECT FROM chains_app_attempt)"
UNDER_WAY = "SELECT EXISTS (SELECT FROM chains_app_run WHERE ended_at IS NULL AND chain_name = %s)"
Connection = psycopg.Connection[Any]
CHAIN = "order-processing"


def completed(site: Site, seconds: float, *, answer_seconds: float) -> Measured:
    """At least long enough for a run's four calls, twice. The orders are there before the workers start."""
    waiting = site.prepared("waiting", partial(fill, orders=WAITING))
    with site.running(web=0, on=waiting) as running, running.connect() as connection:
        running.provider.delay("*", answer_seconds)
        start(site, running, connection)
        time.sleep(SETTLE_SECONDS + 4 * answer_seconds)
        running.provider.stats()
        measured = throughput(connection, CHAIN, max(seconds, 8 * answer_seconds))
        most = running.provider.stats()["most"]
    return replace(measured, figures={**measured.figures, "calls under way at most": most})


def fill(running: Running, orders: int, action_types: Sequence[str] = ("place_order",)) -> None:
    """The types take turns."""
    stamp = f"{time.time_ns():x}"
    with running.client() as client:
        for begin in range(0, orders, BATCH):
            numbers = range(begin, begin + BATCH)
            batch = [
                order(
                    f"{stamp}-{number}", number % SHOPS, action_type=action_types[number % len(action_types)]
                )
                for number in numbers
            ]
            answers = client.post("/v1/dispatch/batch", json=batch).raise_for_status().json()
            assert all("Executed" in answer for answer in answers), answers[:2]


def start(site: Site, running: Running, connection: Connection) -> None:
    """Workers and scheduler, until the first call is made."""
    site.start_workers(running)
    wait_begun(connection)


def wait_begun(connection: Connection) -> None:
    wait_for(lambda: connection.execute(BEGUN).fetchone() == (True,), 60, "the first call")


def throughput(connection: Connection, chain: str, seconds: float) -> Measured:
    """Of that chain's runs, for so long, or until none waits any more."""
    began = now = time.time()
    left = True
    while left and now < began + seconds:
        time.sleep(0.25)
        now = time.time()
        left = connection.execute(UNDER_WAY, [chain]).fetchone() == (True,)
    row = connection.execute(ENDED, [chain, began, now]).fetchone()
    assert row is not None
    completed, failed = row
    notes = () if left else (f"nothing waited any more after {now - began:.1f} s",)
    figures = {"chains/s": completed / (now - began)}
    return Measured(figures, failed, "runs that did not complete" if failed else "", notes)
