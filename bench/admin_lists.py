"""Are the admin's lists quick at a million orders? Whole pages, their slowest statements and plans, on PostgreSQL.

    python -m bench.admin_lists postgres://postgres@127.0.0.1:5432/acteon_bench_admin [--rows 1000000]

Makes the database anew, migrates it, fills it by generate_series (as many actions, orders, runs, holds, events and
audit records, and a tenth as many incidents), asks for each list with each of its filters and for searches as a
superuser does, and drops it (unless --keep; --kept measures one that was kept). Needs the right to create databases.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from typing import Any
from urllib.parse import urlencode

from bench.audit_pages import FILL as FILL_AUDIT
from bench.audit_pages import TENANTS, drop, nodes, recreate

SLOW_MS = 100
AT = "to_timestamp(%(now)s - %(rows)s + n)"
# A UUIDv7 of that second: one for all rows of the n-th order.
ID = """(lpad(to_hex((%(now)s - %(rows)s + n)::bigint * 1000), 12, '0')
    || '70008000' || lpad(to_hex(n), 12, '0'))::uuid"""
ORDER = {
    "namespace": "ecommerce",
    "tenant": "tenant-1",
    "provider": "payment-gateway",
    "action_type": "place_order",
    "payload": {
        "order_id": "ORD-1",
        "total_cents": 7999,
        "currency": "USD",
        "shipping_country": "US",
        "customer_email": "ada@example.com",
    },
}
SHOP = "'ecommerce', 'tenant-' || n %% %(tenants)s"
# Of a hundred orders three failed, one is under way and one waits. One run in a thousand is a dead letter.
FILLS = {
    "orders_app_action": """
        INSERT INTO orders_app_action (id, namespace, tenant, provider, action_type, action_id, body, received_at)
        SELECT {id}, {shop}, 'payment-gateway', 'place_order', 'action-' || n, %(secret)s, {at} FROM {series}""",
    "orders_app_order": """
        INSERT INTO orders_app_order (id, namespace, tenant, provider, action_type, fingerprint, action_id,
            action_id_text, lifecycle_id, state, status, living, run_id, reason, created_at, updated_at, finished_at)
        SELECT {id}, {shop}, 'payment-gateway', 'place_order', 'ORD-' || n, {id}, 'action-' || n,
            (SELECT min(id) FROM orders_app_lifecycle),
            CASE WHEN n %% 1000 < 3 THEN 'placed' WHEN n %% 1000 = 3 THEN 'returned' ELSE 'delivered' END,
            CASE n %% 100 WHEN 0 THEN 'held' WHEN 1 THEN 'processing' WHEN 2 THEN 'failed' WHEN 3 THEN 'failed'
                WHEN 4 THEN 'failed' ELSE 'completed' END,
            true, {id}, '', {at}, {at}, {at} FROM {series}""",
    "chains_app_run": """
        INSERT INTO chains_app_run (id, kind, chain_name, namespace, tenant, provider, action_type, action_id, origin,
            owner_kind, owner_id, reply, status, phase, ending, current_step, execution_path, parent_step, branch,
            started_at, updated_at, ended_at, error, error_code, dead_lettered_at, cancel_reason, cancelled_by)
        SELECT {id}, 'chain', 'order-processing', {shop}, 'payment-gateway', 'place_order', 'action-' || n, %(secret)s,
            'order', {id}, '{{}}', CASE n %% 100 WHEN 0 THEN 'running' WHEN 1 THEN 'failed' ELSE 'completed' END,
            'forward', '', 0, '[]', '', '', {at}, {at}, CASE WHEN n %% 100 > 0 THEN {at} END, '', '',
            CASE WHEN n %% 1000 = 1 THEN {at} END, '', '' FROM {series}""",
    "orders_app_hold": """
        INSERT INTO orders_app_hold (id, kind, status, namespace, tenant, action_id, action_id_text, order_id, rule,
            cleared, passed, payload_hash, context, created_at, due_at, ended_at, message, notify_provider, notified,
            decided_by, attempts, problem, worth, currency, risk)
        SELECT {id}, CASE WHEN n %% 2 = 0 THEN 'approval' ELSE 'schedule' END,
            CASE WHEN n %% 100 < 2 THEN 'pending' WHEN n %% 1000 = 10 THEN 'rejected'
                WHEN n %% 1000 = 11 THEN 'cancelled' WHEN n %% 2 = 0 THEN 'approved' ELSE 'released' END,
            {shop}, {id}, 'action-' || n, {id}, 'approve-high', '[]', '[]', '', '{{}}', {at},
            {at} + interval '30 days', CASE WHEN n %% 100 >= 2 THEN {at} END, '', '', false, '', 0, '',
            (n %% 977) * 1000000, 'USD', (n / 100) %% 100
        FROM {series}""",
    # All orders of a shop are one customer's: the worst that ties can come to.
    "orders_app_tie": """
        INSERT INTO orders_app_tie (id, key, kind, action_id, at, outcome, worth, currency)
        SELECT {id}, (%(keys)s::text[])[1 + n %% %(tenants)s], 'email', {id}, {at}, 'Executed', 799900, 'USD'
        FROM {series}""",
    "chains_app_incident": """
        INSERT INTO chains_app_incident (id, run_id, step, reason, message, opened_at, resolved_at, resolution,
            resolved_by)
        SELECT {id}, {id}, 'charge', 'unknown_outcome', '', {at}, CASE WHEN n %% 1000 > 0 THEN {at} END, '', ''
        FROM {series} WHERE n %% 10 = 0""",
    "audit_app_event": """
        INSERT INTO audit_app_event (id, number, type, namespace, tenant, provider, action_type, action_id, chain_id,
            data, created_at)
        SELECT {id}, n, 'action_dispatched', {shop}, 'payment-gateway', 'place_order', 'action-' || n, {id}::text,
            '{{}}', {at} FROM {series}""",
    "audit_app_auditrecord": FILL_AUDIT.replace("{", "{{").replace("}", "}}"),
}
SCOPE = "scope=ecommerce:tenant-7"
LISTS: dict[str, tuple[str, ...]] = {
    "orders_app_order": (
        *(
            "",
            "last=1",
            SCOPE,
            f"{SCOPE}&last=1",
            "state=delivered",
            "state=returned",
            "state=confirmed",
        ),
        *(f"{SCOPE}&state=delivered", f"{SCOPE}&state=confirmed", "q=ORD-500007", "q=nobody"),
    ),
    "orders_app_approval": (
        *(
            "",
            "sort=value",
            "sort=risk",
            "sort=newest",
            "sort=risk&after=50_01890000-0000-7000-8000-000000000000",
        ),
        *(
            "whose=mine",
            "whose=escalated",
            "least=900",
            "shop=ecommerce:tenant-7&sort=value",
            "state=snoozed",
        ),
        *("state=approved", "state=rejected", "state=expired", "state=all"),
        *("q=ORD-500100", "q=action-500100", "q=ada@example.com", "q=tenant-7", "q=nobody"),
    ),
    "orders_app_waitingorder": ("", "state=released", "state=cancelled", "state=all", "state=all&last=1"),
    "chains_app_run": (
        *(
            "",
            "last=1",
            SCOPE,
            f"{SCOPE}&last=1",
            "status=completed",
            "status=failed",
            "status=waiting_signal",
        ),
        *(f"{SCOPE}&status=failed", f"{SCOPE}&status=waiting_signal", "q=nobody"),
        "q=01890000-0000-7000-8000-000000000000",
    ),
    "chains_app_deadletter": ("", SCOPE),
    "chains_app_incident": ("", "state=open", "state=resolved", "last=1"),
    "audit_app_auditrecord": (
        *("", "last=1", SCOPE, "outcome=executed", "outcome=suppressed", "outcome=chain_failed"),
        *(f"{SCOPE}&outcome=suppressed", "q=action-500007", "q=nobody"),
    ),
    "audit_app_event": ("", "last=1", "q=action-500007", "q=nobody"),
}

# A whole name, the beginnings of many and of few, an action, an id, an address, and what nobody is called.
SEARCHES = (
    *("ORD-500007", "ORD-5", "ORD-50000", "action-500007", "01890000-0000-7000-8000-000000000000"),
    *("ada@example.com", "nobody is called so"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="leave the database for a closer look")
    parser.add_argument("--only", default="", help="the lists whose names begin so")
    parser.add_argument("--kept", action="store_true", help="measure one that was left")
    given = parser.parse_args()
    server, _, name = given.url.rpartition("/")
    _set_up(given.url)
    try:
        if not given.kept:
            recreate(server, name)
            fill(given.rows)
        measure(given.times, given.only)
    finally:
        if not given.keep:
            drop(server, name)


def _set_up(url: str) -> None:
    os.environ |= {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "acteon_site.settings",
        "ACTEON_DB_POOL": "false",
    }
    import django
    from django.test.utils import setup_test_environment

    django.setup()
    setup_test_environment()


def fill(rows: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    from audit_app.models import AuditHead
    from bench.gateway import ROOT
    from orders_app.contract.actions import parse_action
    from orders_app.models import Action
    from orders_app.states import TieKind
    from orders_app.tie_keys import tie_key

    call_command("migrate", verbosity=0)
    call_command("load_pipeline", str(ROOT / "fixtures" / "ecommerce"), verbosity=0)
    AuditHead.objects.bulk_create(
        AuditHead(namespace="ecommerce", tenant=f"tenant-{n}") for n in range(TENANTS)
    )
    secret = Action._meta.get_field("body").get_db_prep_save(parse_action(ORDER).stored(), connection)
    keys = [tie_key("ecommerce", f"tenant-{n}", TieKind.EMAIL, "ada@example.com") for n in range(TENANTS)]
    named = {"rows": rows, "tenants": TENANTS, "secret": secret, "keys": keys, "now": int(time.time())}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        for table, text in FILLS.items():
            started = time.monotonic()
            statement = text.format(id=ID, at=AT, shop=SHOP, series="generate_series(1, %(rows)s) n")
            cursor.execute(statement, named)
            cursor.execute(f"VACUUM ANALYZE {table}")
            print(f"{table}: filled in {time.monotonic() - started:.0f} s", flush=True)


def measure(times: int, only: str) -> None:
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse

    from orders_app.models import Hold

    client = Client()
    client.force_login(User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)[0])
    print(f"{'list':<64}{'median ms':>10}{'worst':>8}{'statements':>12}{'slowest ms':>12}")
    asked = [("home", reverse("admin:index"))]
    for name, queries in LISTS.items():
        asked += [(f"{name} {query}", f"{reverse(f'admin:{name}_changelist')}?{query}") for query in queries]
    asked += [(f"search {text}", f"{reverse('find')}?{urlencode({'q': text})}") for text in SEARCHES]
    for held in Hold.objects.filter(kind="approval", status="pending").order_by("-pk")[:1]:
        page = reverse("admin:orders_app_approval_change", args=[held.pk])
        asked.append(("orders_app_approval, one of it", f"{page}?list=sort%3Drisk"))
    for title, url in asked:
        if title.startswith(only):
            _report(client, title, url, times)


def _report(client: Any, title: str, url: str, times: int) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    took = []
    for _ in range(times + 1):
        started = time.perf_counter()
        answer = client.get(url)
        took.append((time.perf_counter() - started) * 1000)
        if answer.status_code not in (200, 302):  # a single hit leads to its page
            print(f"{title:<64}{answer.status_code:>10}, a page that is not offered")
            return
    with CaptureQueriesContext(connection) as captured:
        client.get(url)
    slowest = max(captured.captured_queries, key=lambda asked: float(asked["time"]))
    slow = float(slowest["time"]) * 1000
    warm = took[1:]
    print(
        f"{title:<64}{statistics.median(warm):>10.0f}{max(warm):>8.0f}{len(captured):>12}{slow:>12.0f}",
        flush=True,
    )
    if slow > SLOW_MS:
        _explain(slowest["sql"])


def _explain(statement: str) -> None:
    from django.db import connection

    print(f"    {statement[:60]} … {statement[-300:]}")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
        (plan,) = cursor.fetchone()
    plan = plan if isinstance(plan, list) else json.loads(plan)
    for line in nodes(plan[0]["Plan"]):
        print(f"    {line}")


if __name__ == "__main__":
    main()
