"""What the sums cost the relay: processor time of an order's records, numbered and sealed with sums and without.

    python -m bench.relaying postgres://postgres@127.0.0.1:5432/acteon_bench_relay [--orders 5000] [--rounds 5]

Makes the database anew and drops it. An order leaves eight records, those that bench.dashboard makes up; each round
relays the same ones with sums (deltas and folds) and without, by turns. Counted are this process and its server's.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from bench.audit_pages import drop, recreate
from bench.dashboard import BACKEND, order_records
from bench.processor import seconds_of


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--turn", type=int, default=500, help="records of a turn: few where orders come slowly"
    )
    given = parser.parse_args()
    server, _, name = given.url.rpartition("/")
    os.environ |= {
        "DATABASE_URL": given.url,
        "DJANGO_SETTINGS_MODULE": "acteon_site.settings",
        "ACTEON_DB_POOL": "false",
    }
    recreate(server, name)
    try:
        import django

        django.setup()
        measure(given.orders, given.rounds, given.turn)
    finally:
        drop(server, name)


def measure(orders: int, rounds: int, turn: int) -> None:
    from django.core.management import call_command

    from audit_app.services import relay

    call_command("migrate", verbosity=0)
    relay.BATCH = turn
    costs: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds + 1):
        for with_sums in (True, False):
            cost = _relay(orders, number, with_sums=with_sums)
            if number:
                costs[with_sums].append(cost)
    more, less = (statistics.median(costs[with_sums]) for with_sums in (True, False))
    each = 1e6 / orders
    print(
        f"µs an order: {more * each:.0f} with sums, {less * each:.0f} without: {100 * (more / less - 1):+.1f} %"
    )


def _relay(orders: int, seed: int, *, with_sums: bool) -> float:
    from django.db import connection

    from audit_app.services import relay, rollups

    _records_make(orders, seed)
    with connection.cursor() as cursor:
        cursor.execute(BACKEND)
        (backend,) = cursor.fetchone()
    began = time.process_time() + seconds_of(backend)
    if with_sums:
        while relay.relay():
            pass
        while rollups.rollups_fold():
            pass
    else:
        with patch.object(relay, "rollups_note", lambda **_: 0):
            while relay.relay():
                pass
    return time.process_time() + seconds_of(backend) - began


def _records_make(orders: int, seed: int) -> None:
    from django.db import connection

    from acteon_site.base.ids import new_id
    from audit_app.models import AuditRecord

    chance, now = random.Random(seed), datetime.now(UTC)
    AuditRecord.objects.all().delete()
    rows: list[Any] = []
    for number in range(orders):
        names = {"action_id": f"order-{number}", "caller_id": "key:shop", "auth_method": "api_key"}
        names |= {"verdict": "allow", "request_id": f"request-{number}"}
        rows += [
            AuditRecord(id=new_id(), **names, **record)
            for record in order_records(chance, now, f"shop-{number % 10}")
        ]
    AuditRecord.objects.bulk_create(rows, batch_size=2000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE audit_app_auditrecord")


if __name__ == "__main__":
    main()
