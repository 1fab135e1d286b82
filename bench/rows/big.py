"""A million orders and runs, with five million audit rows and more, against ten thousand: what grows with them.

One order is dispatched and completed; PostgreSQL then makes the rows of all others from its rows, so close to each
other that none is old enough for the reaper.
ACTEON_BENCH_ORDERS is another number than a million.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any

import httpx
import psycopg

from bench.footprint import indexes_later, inserts, taken
from bench.load import Heard, Load, put
from bench.rows.chains import CHAIN, fill, throughput
from bench.rows.row import Measured
from bench.services import wait_for
from bench.shop import order
from bench.site import Prepared, Running, Site

FEW = 10_000
MANY = int(os.environ.get("ACTEON_BENCH_ORDERS", "1000000"))
FIRST = 10**9  # of the numbers of made orders
APART = "50 milliseconds"  # a million within fourteen hours: events leave the stream after a day
FILLING = ("fsync = off", "full_page_writes = off", "max_wal_size = '32GB'", "autovacuum = off")
TURNED = 1000
ENDED = (
    "SELECT EXISTS (SELECT FROM chains_app_run WHERE action_id = 'ord-footprint' AND status = 'completed')"
)
IDLE = """
    SELECT NOT EXISTS (SELECT FROM chains_app_run WHERE ended_at IS NULL)
        AND NOT EXISTS (SELECT FROM audit_app_auditrecord WHERE number IS NULL)
        AND NOT EXISTS (SELECT FROM audit_app_event WHERE number IS NULL)
"""
SCOPE = {"namespace": "ecommerce", "tenant": "shop-7", "limit": "50"}
LISTS = {
    "audit": ("/v1/audit", SCOPE),
    "audit, an outcome": ("/v1/audit", {**SCOPE, "outcome": "executed"}),
    "audit, all tenants": ("/v1/audit", {"limit": "50"}),
    "chains": ("/v1/chains", SCOPE),
    "orders": ("/v1/events", SCOPE),
}
REAP = """
import os, time
os.environ["DJANGO_SETTINGS_MODULE"] = "acteon_site.settings"
import django
django.setup()
from audit_app.models import RollupDelta, RollupGap
from audit_app.services.reaper import reap  # without the patrol, which reads so many records a pass and no more
# The relay has never seen the made records: what is left to add up of them is no part of a pass.
RollupDelta.objects.all().delete()
RollupGap.objects.all().delete()
while reap():  # what all those orders have left to tidy, keys that have run out say, is work and not what grows
    pass
took = []
for _ in range(4):
    started = time.perf_counter()
    reap()
    took.append(time.perf_counter() - started)
print(min(took))
"""


def grown(site: Site, seconds: float) -> Measured:
    few, few_errors = _measured(site, site.prepared("few", partial(_fill, site, count=FEW)), seconds)
    began = time.monotonic()
    prepared = site.prepared("many", partial(_fill, site, count=MANY))
    made = f"{MANY:,} orders were made in {time.monotonic() - began:.0f} s"
    many, errors = _measured(site, prepared, seconds)
    figures: dict[str, float] = {}
    for what, value in many.items():
        figures[f"{what}, at {MANY:,}"] = value
        figures[f"{what}: of that at {FEW:,}"] = value / few[what] if few[what] else 0.0
    return Measured(figures, few_errors + errors, notes=(made,))


def _fill(site: Site, running: Running, count: int) -> None:
    site.start_workers(running)
    running.gateway.wait_ready(180)
    _settled(running)  # what comes then is the one order's
    footprint = taken(running, partial(_settled, running, ENDED))
    running.stop()
    with running.connect() as connection:
        # Neither triggers nor foreign keys are looked at, and nothing of this needs to survive.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '1GB'")
        series = f"generate_series({FIRST}::bigint, {FIRST + count - 1})"
        with _nothing_flushed(connection):
            with indexes_later(connection, [found.table for found in footprint]):
                for statement in inserts(footprint, series, f"(n - {FIRST + count}) * interval '{APART}'"):
                    connection.execute(statement)
            connection.execute("VACUUM (FREEZE, ANALYZE)")


@contextmanager
def _nothing_flushed(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """The cluster waits for no disk inside, and for all of it at the end."""
    for setting in FILLING:
        connection.execute(f"ALTER SYSTEM SET {setting}")
    connection.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        connection.execute("ALTER SYSTEM RESET ALL")
        connection.execute("SELECT pg_reload_conf()")
    connection.execute("CHECKPOINT")


def _settled(running: Running, *questions: str) -> None:
    """The answers are yes, and nothing is left to do: no run, no record to seal, no event to number."""
    with running.connect() as connection:
        for question in (*questions, IDLE):
            wait_for(
                lambda asked=question: connection.execute(asked).fetchone() == (True,), 180, question, 0.5
            )
    time.sleep(2)


def _measured(site: Site, prepared: Prepared, seconds: float) -> tuple[dict[str, float], int]:
    with site.running(on=prepared, in_place=True) as running:
        put(Load(16, order()), running.url, running.key, 1)
        heard: Heard = put(Load(16, order()), running.url, running.key, seconds)
        with running.client() as client:
            lists = {f"ms of the list: {name}": _list_ms(client, *asked) for name, asked in LISTS.items()}
        reaping = {"ms of a reaper's pass": 1000 * float(running.gateway.run("-c", REAP).split()[-1])}
        turns = _turns(site, running, seconds)
    figures = {"orders/s": heard.good / heard.seconds, "chains/s": turns.figures["chains/s"]}
    return {**figures, **lists, **reaping}, heard.errors + turns.errors


def _list_ms(client: httpx.Client, path: str, params: dict[str, str], times: int = 15) -> float:
    def ask() -> float:
        started = time.perf_counter()
        client.get(path, params=params).raise_for_status()
        return 1000 * (time.perf_counter() - started)

    return median([ask() for _ in range(times)][times // 3 :])


def _turns(site: Site, running: Running, seconds: float) -> Measured:
    fill(running, TURNED)
    before = running.provider.stats()["calls"]
    site.start_workers(running)
    wait_for(lambda: running.provider.stats()["calls"] > before, 60, "the first call")
    time.sleep(5)
    with running.connect() as connection:
        return throughput(connection, CHAIN, seconds)
