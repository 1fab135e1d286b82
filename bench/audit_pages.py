"""Are pages of the trail flat at a million rows? Query plans and medians, on PostgreSQL.

    python bench/audit_pages.py postgres://postgres@127.0.0.1:5432/acteon_bench_audit [--rows 1000000]

Makes the database anew, migrates it, fills it by generate_series, asks what GET /v1/audit asks, and drops it (unless
--keep). Needs the right to create databases.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
TENANTS = 20
# One action in five hundred is refused; nothing at all is found for names that nobody has: the worst case for an
# index that does not hold the filter.
FILL = """
INSERT INTO audit_app_auditrecord (
    id, number, action_id, chain_id, namespace, tenant, provider, action_type, verdict, matched_rule, outcome,
    action_payload, verdict_details, outcome_details, metadata, dispatched_at, completed_at, duration_ms, caller_id,
    auth_method, ruleset_version, request_id, record_hash, previous_hash, sequence_number)
SELECT gen_random_uuid(), n, 'action-' || n, gen_random_uuid(), 'ecommerce', 'tenant-' || n %% %(tenants)s,
    'payment-gateway', 'place_order',
    CASE WHEN n / %(tenants)s %% 500 = 0 THEN 'deny' ELSE 'allow' END,
    CASE WHEN n / %(tenants)s %% 500 = 0 THEN 'deny-sanctioned-regions' END,
    CASE WHEN n / %(tenants)s %% 500 = 0 THEN 'suppressed' ELSE 'executed' END,
    jsonb_build_object('order_id', 'ORD-' || n, 'total_cents', n %% 100000, 'shipping_country', 'US'),
    '{}', '{}', '{}', now() - n * interval '1 second', now() - n * interval '1 second', 5, 'key:shop', 'api_key', 1,
    'request-' || n, md5(n::text), md5(n::text), n / %(tenants)s + 1
FROM generate_series(1, %(rows)s) n
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--keep", action="store_true", help="leave the database for a closer look")
    given = parser.parse_args()
    server, _, name = given.url.rpartition("/")
    recreate(server, name)
    try:
        measure(given.url, given.rows, given.times)
    finally:
        if not given.keep:
            drop(server, name)


def recreate(server: str, name: str) -> None:
    drop(server, name)
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def drop(server: str, name: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def measure(url: str, rows: int, times: int) -> None:
    os.environ |= {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "acteon_site.settings",
        "ACTEON_DB_POOL": "false",
    }
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    started = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"rows": rows, "tenants": TENANTS})
        cursor.execute("VACUUM ANALYZE audit_app_auditrecord")
        cursor.execute("SELECT pg_size_pretty(pg_total_relation_size('audit_app_auditrecord'))")
        (size,) = cursor.fetchone()
    print(f"{rows} rows of {TENANTS} tenants, {size}, filled in {time.monotonic() - started:.0f} s\n")
    for title, ask in questions(rows):
        report(title, ask, times)


def questions(rows: int) -> list[tuple[str, Callable[[], Any]]]:
    """What GET /v1/audit asks, by the very functions that answer it."""
    from acteon_site.base.principals import Principal, Role
    from audit_app.models import AuditRecord
    from audit_app.selectors import audit_page, audit_total, newest_outcome, records_seen_by

    everyone = records_seen_by(Principal("bench", "api_key", Role.VIEWER))
    one = records_seen_by(Principal("bench", "api_key", Role.VIEWER, ("ecommerce",), ("tenant-7",)))
    asked = one.filter(namespace="ecommerce", tenant="tenant-7")
    ordered = AuditRecord.objects.order_by("-dispatched_at", "-id")
    deep = ordered.values_list("dispatched_at", "pk")[rows * 9 // 10]
    mine = ordered.filter(tenant="tenant-7").values_list("dispatched_at", "pk")[rows * 9 // 10 // TENANTS]
    day = mine[0].replace(hour=0)
    return [
        ("newest page, key of all tenants", lambda: audit_page(everyone, limit=50)),
        ("page at 90 % by cursor, all tenants", lambda: audit_page(everyone, limit=50, after=deep)),
        ("newest page of a tenant", lambda: audit_page(asked, limit=50)),
        ("page at 90 % by cursor, of a tenant", lambda: audit_page(asked, limit=50, after=mine)),
        ("offset 10,000, of a tenant", lambda: audit_page(asked, limit=50, offset=10_000)),
        ("rare outcome, of a tenant", lambda: audit_page(asked.filter(outcome="suppressed"), limit=50)),
        (
            "common outcome by cursor, of a tenant",
            lambda: audit_page(asked.filter(outcome="executed"), limit=50, after=mine),
        ),
        (
            "matched rule, of a tenant",
            lambda: audit_page(asked.filter(matched_rule="deny-sanctioned-regions"), limit=50),
        ),
        ("verdict that is rare, of a tenant", lambda: audit_page(asked.filter(verdict="deny"), limit=50)),
        *(
            (f"{name} that nobody has", partial(audit_page, asked.filter(**{name: "nobody"}), limit=50))
            for name in ("caller_id", "provider", "action_type", "outcome", "matched_rule")
        ),
        ("provider that all have", lambda: audit_page(asked.filter(provider="payment-gateway"), limit=50)),
        (
            "older than a day long ago, of a tenant",
            lambda: audit_page(asked.filter(dispatched_at__lte=day), limit=50),
        ),
        ("total of a tenant (stops at 10,001)", lambda: audit_total(asked)),
        ("total of all", lambda: audit_total(everyone)),
        ("newest outcome of an action", lambda: newest_outcome(asked, "action-500007")),
        (
            "records of a chain",
            lambda: audit_page(asked.filter(chain_id="01890000-0000-7000-8000-000000000000"), limit=50),
        ),
    ]


def report(title: str, ask: Callable[[], Any], times: int) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ask()
    took = []
    for _ in range(times):
        started = time.perf_counter()
        ask()
        took.append((time.perf_counter() - started) * 1000)
    with CaptureQueriesContext(connection) as captured:
        ask()
    statement = captured.captured_queries[-1]["sql"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
        (plan,) = cursor.fetchone()
    plan = plan if isinstance(plan, list) else json.loads(plan)
    print(f"{title}\n  median {statistics.median(took):.2f} ms, worst {max(took):.2f} ms")
    for line in nodes(plan[0]["Plan"]):
        print(f"  {line}")
    print()


def nodes(plan: dict[str, Any], depth: int = 0) -> list[str]:
    """A plan as its nodes: what each read, by which index, and how many rows came of it."""
    index = f" by {plan['Index Name']}" if "Index Name" in plan else ""
    removed = f", {plan['Rows Removed by Filter']} read in vain" if plan.get("Rows Removed by Filter") else ""
    blocks = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    line = (
        f"{'  ' * depth}{plan['Node Type']}{index}: {plan['Actual Rows']:.0f} rows, {blocks} blocks{removed}"
    )
    return [line, *(inner for child in plan.get("Plans", ()) for inner in nodes(child, depth + 1))]


if __name__ == "__main__":
    main()
