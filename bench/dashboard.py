"""What the dashboard costs at five million audit records of two months: processor time of its pages, on PostgreSQL.

    python -m bench.dashboard postgres://postgres@127.0.0.1:5432/acteon_bench_sums [--records 5000000]

Makes the database anew, has the sums of made-up records added by the functions that the relay uses, asks the pages as
a superuser, and drops it (unless --keep). The pages read sums alone, so the records themselves are not stored. Needs
the right to create databases.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.audit_pages import drop, recreate

TENANTS, DAYS = 10, 61
CHAIN = ("validate", "charge", "fulfill", "notify-customer")
PROVIDERS = ("validator", "payment-gateway", "warehouse", "email")
MEDIANS = (4_000, 180_000, 350_000, 40_000)
COUNTRIES = ("US", "DE", "FR", "GB", "JP", "CA", "AU", "NL")
RULES = ("", "", "", "throttle-bursts", "approve-large", "deny-sanctioned-regions")
RANGES = ("hour", "today", "day", "week", "month")
BACKEND = "SELECT pg_backend_pid()"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--keep", action="store_true", help="leave the database, and use one that was left")
    given = parser.parse_args()
    server, _, name = given.url.rpartition("/")
    os.environ.setdefault("SECRET_KEY", "of-a-benchmark")
    os.environ |= {
        "DATABASE_URL": given.url,
        "DJANGO_SETTINGS_MODULE": "acteon_site.settings",
        "ACTEON_DB_POOL": "false",
    }
    filled = given.keep and _is_filled(given.url)
    if not filled:
        recreate(server, name)
    try:
        import django
        from django.test.utils import setup_test_environment

        django.setup()
        setup_test_environment()
        if not filled:
            fill(given.records)
        measure(given.times)
    finally:
        if not given.keep:
            drop(server, name)


def _is_filled(url: str) -> bool:
    import psycopg

    try:
        with psycopg.connect(url) as connection:
            return bool(connection.execute("SELECT 1 FROM audit_app_rollup LIMIT 1").fetchone())
    except psycopg.Error:
        return False


def fill(records: int) -> None:
    from django.core.management import call_command
    from django.db import connection, transaction

    from audit_app.records.rollups import added
    from audit_app.services.rollups import sums_add

    call_command("migrate", verbosity=0)
    chance, started = random.Random(1), time.monotonic()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    orders = records // DAYS // (len(CHAIN) + 4)
    for day in range(DAYS):
        begin = today - timedelta(days=DAYS - 1 - day)
        seconds = (datetime.now(UTC) - begin).total_seconds() if day == DAYS - 1 else 86_400
        with transaction.atomic():
            sums_add(added(_records(chance, begin, seconds, orders)))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        for table in ("rollup", "rolluptime"):
            cursor.execute(
                f"SELECT count(*), pg_size_pretty(pg_total_relation_size('audit_app_{table}'))"
                f" FROM audit_app_{table}"
            )
            print(table, *cursor.fetchone())
    print(f"{records:,} records added up in {time.monotonic() - started:.0f} s\n")


def _records(chance: random.Random, begin: datetime, seconds: float, orders: int) -> Iterator[dict[str, Any]]:
    for _ in range(orders):
        at = begin + timedelta(seconds=chance.random() * seconds)
        yield from order_records(chance, at, f"shop-{chance.randrange(TENANTS)}")


def order_records(chance: random.Random, at: datetime, tenant: str) -> Iterator[dict[str, Any]]:
    """A dispatch, its calls, the chain's end, and what became of its state."""
    rule = chance.choice(RULES)
    denied = rule == "deny-sanctioned-regions"
    base = {
        "namespace": "ecommerce",
        "tenant": tenant,
        "provider": "payment-gateway",
        "action_type": "place_order",
        "matched_rule": rule or None,
        "action_payload": {
            "total_cents": chance.randrange(100, 100_000),
            "currency": chance.choice(("USD", "EUR")),
            "shipping_country": chance.choice(COUNTRIES),
        },
        "verdict_details": {},
        "outcome_details": {},
        "dispatched_at": at,
        "completed_at": at + timedelta(microseconds=int(chance.lognormvariate(9.2, 0.5))),
        "duration_ms": 5,
    }
    yield base | {"outcome": "suppressed" if denied else "executed"}
    if denied:
        return
    for step, provider, median in zip(CHAIN, PROVIDERS, MEDIANS, strict=True):
        failed = chance.random() < 0.01
        details = {"chain_name": "order-fulfillment", "step": step, "called": "x"}
        details["duration_us"] = int(median * chance.lognormvariate(0, 0.5))  # type: ignore[assignment]
        details |= {"error": "x"} if failed else {}
        outcome = "chain_step_retrying" if failed else "chain_step_completed"
        yield base | {"outcome": outcome, "provider": provider, "outcome_details": details}
    yield base | {"outcome": "chain_completed", "outcome_details": {"chain_name": "order-fulfillment"}}
    for _ in range(2):
        yield base | {"outcome": "state_changed"}


def measure(times: int) -> None:
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    person, _ = get_user_model().objects.get_or_create(
        username="bench", defaults={"is_staff": True, "is_superuser": True}
    )
    from acteon_site.models import PersonSettings

    client = Client()
    client.force_login(person)
    with connection.cursor() as cursor:
        cursor.execute(BACKEND)
        (backend,) = cursor.fetchone()
    for zone in ("UTC", "America/New_York"):
        PersonSettings.objects.update_or_create(user=person, defaults={"zone": zone})
        for name in RANGES:
            took, own, database = [], [], []
            url = f"/admin/audit_app/dashboard/?range={name}"
            for _ in range(times + 1):
                mine, theirs, began = time.process_time(), _ticks(backend), time.perf_counter()
                answer = client.get(url)
                assert answer.status_code == 200, answer
                took.append(time.perf_counter() - began)
                own.append(time.process_time() - mine)
                database.append(_ticks(backend) - theirs)
            with CaptureQueriesContext(connection) as captured:
                client.get(url)
            slowest = max(captured.captured_queries, key=lambda one: float(one["time"]))
            middle = [1000 * statistics.median(found[1:]) for found in (took, own)]
            theirs_ms = 1000 * statistics.mean(database[1:])
            print(
                f"{zone:18} {name:6} processor {middle[1] + theirs_ms:5.0f} ms (own {middle[1]:4.0f},"
                f" PostgreSQL {theirs_ms:4.0f}), taken {middle[0]:5.0f} ms, {len(captured)} statements,"
                f" slowest {slowest['time']} s",
                flush=True,
            )


def _ticks(pid: int) -> float:
    from bench.processor import seconds_of

    return seconds_of(pid)


if __name__ == "__main__":
    main()
