"""How long a backtest takes, what it costs in processor time, and what it does to orders that are dispatched beside it.

`python -m bench.backtest --orders 100000`

PostgreSQL (fsync on) and Redis of its own, one web process. Some orders are really dispatched; PostgreSQL then makes
the rows of all others from theirs, a second apart. The backtest is of the rules in force, so nothing may change; while
a second one runs, orders are dispatched one by one, and each must be answered and stored.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import psycopg
from psycopg import sql

from bench.dispatch import in_batches, orders
from bench.gateway import Gateway
from bench.throughput import logging_gateway

REAL = 500
TABLES = ("orders_app_action", "audit_app_auditrecord")
COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
OWN = ("number", "sequence_number", "record_hash", "previous_hash")
TIMES = ("received_at", "dispatched_at", "completed_at")


@dataclass(frozen=True)
class Measured:
    seconds: float
    processor: float  # seconds, of all its processes
    dispatches: int

    def told(self, what: str) -> str:
        each = f"{1e6 * self.processor / self.dispatches:.0f} µs of processor time an order"
        return f"{what:<18} {self.dispatches:,} orders in {self.seconds:.1f} s, {each}"


def multiply(connection: psycopg.Connection[tuple[object, ...]], copies: int) -> None:
    for table in TABLES:
        names = [str(name) for (name,) in connection.execute(COLUMNS, [table])]
        values = sql.SQL(", ").join(sql.SQL(_value(name)) for name in names)
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        statement = "INSERT INTO {0} ({1}) SELECT {2} FROM {0} CROSS JOIN generate_series(1, %s) AS n"
        connection.execute(sql.SQL(statement).format(sql.Identifier(table), columns, values), [copies])
    connection.execute("VACUUM ANALYZE")


def _value(name: str) -> str:
    """Of a copy: its own id, its action's, and times before those of all real ones."""
    if name == "id":
        return "gen_random_uuid()"
    if name == "action_id":
        return "action_id || '-' || n"
    if name in TIMES:
        return f"{name} - n * interval '1 hour'"
    return "NULL" if name in OWN else name


def backtest(gateway: Gateway) -> Measured:
    before, started = _used(), time.perf_counter()
    asked = ("--from", "2000-01-01", "--format", "json")
    found = json.loads(gateway.run("manage.py", "backtest_rules", *asked))
    seconds = time.perf_counter() - started
    count = found["dispatches"]["count"]
    assert found["same"] == count, found
    return Measured(seconds, _used() - before, count)


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Beside:
    """Orders one by one, until it is told to stop."""

    def __init__(self, client: httpx.Client) -> None:
        self.client, self.sent, self.slowest = client, 0, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Beside:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        for order in orders(10**9):
            if self._stop.is_set():
                return
            started = time.perf_counter()
            assert "Executed" in self.client.post("/v1/dispatch", json=order).raise_for_status().json()
            self.slowest, self.sent = max(self.slowest, time.perf_counter() - started), self.sent + 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.backtest", description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    given = parser.parse_args(arguments)
    real = min(REAL, given.orders)
    with logging_gateway(workers=0) as (gateway, postgres), postgres.connect() as connection:
        headers = {"Authorization": f"Bearer {gateway.key}"}
        with httpx.Client(base_url=gateway.url, headers=headers, timeout=60, trust_env=False) as client:
            in_batches(100)(client, real)
            multiply(connection, max(0, given.orders // real - 1))
            print(backtest(gateway).told("alone"), flush=True)
            counted = "SELECT count(*) FROM orders_app_order"
            before = connection.execute(counted).fetchone()
            with Beside(client) as beside:
                print(backtest(gateway).told("beside orders"), flush=True)
            after = connection.execute(counted).fetchone()
            stored = int(str((after or [0])[0])) - int(str((before or [0])[0]))
            print(
                f"{beside.sent} orders beside it, the slowest {1000 * beside.slowest:.0f} ms; stored: {stored}"
            )
    print(f"({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')})")
    return 0 if stored == beside.sent else 1


if __name__ == "__main__":
    sys.exit(main())
