"""Recurring actions under kills: `python -m bench.recurring --actions 20 --missed 60 --kills 40 --seed 1`.

A gateway of its own, with a PostgreSQL and a Redis of its own, two schedulers and two workers, has recurring actions
that have missed many occurrences and make up for all of them, while processes are killed and started again and
backfills ask for the same occurrences. In the end each must have been dispatched exactly once. Exit code 1 where not.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bench.gateway import ROOT, Gateway
from bench.services import OwnPostgres, OwnRedis, wait_for

SCOPE = {"namespace": "night", "tenant": "shop"}
CALL = {"provider": "email-service", "action_type": "send_report", "payload": {"to": "ops"}}
PATIENCE = 300.0
# What must hold in the end, each a question that counts what is wrong.
INVARIANTS = {
    "occurrences between the first and the last without a firing": """
        SELECT coalesce(sum(span - have), 0) FROM (SELECT count(*) AS have,
            extract(epoch FROM max(occurrence) - min(occurrence)) / 60 + 1 AS span
            FROM orders_app_recurringfiring GROUP BY recurring_id) AS each""",
    "firings that were not executed": "SELECT count(*) FROM orders_app_recurringfiring WHERE outcome <> 'executed'",
    "actions that were dispatched more than once": """
        SELECT count(*) FROM (
            SELECT action_id FROM orders_app_action GROUP BY action_id HAVING count(*) > 1) AS twice""",
    "firings without an action": """
        SELECT count(*) FROM orders_app_recurringfiring AS firing WHERE NOT EXISTS (
            SELECT FROM orders_app_action AS action WHERE action.id = firing.action_row)""",
    "actions without a firing": """
        SELECT count(*) FROM orders_app_action AS action WHERE NOT EXISTS (
            SELECT FROM orders_app_recurringfiring AS firing WHERE firing.action_row = action.id)""",
    "actions whose outcome does not stand in the trail once": """
        SELECT count(*) FROM orders_app_action AS action WHERE 1 <> (
            SELECT count(*) FROM audit_app_auditrecord AS record
            WHERE record.action_id = action.action_id AND record.outcome = 'executed')""",
    "recurring actions whose count is another than their firings": """
        SELECT count(*) FROM orders_app_recurringaction AS row WHERE execution_count <> (
            SELECT count(*) FROM orders_app_recurringfiring WHERE recurring_id = row.id)""",
}


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="recurring-") as directory:
        folder = Path(directory)
        folder.chmod(0o755)  # PostgreSQL may run as another user
        postgres, redis = OwnPostgres(folder), OwnRedis(folder)
        gateway = Gateway(folder, postgres.url, redis.url, beats=2)
        try:
            return _run(gateway, postgres, options)
        finally:
            for part in gateway.parts.values():
                part.stop()
            redis.stop()
            postgres.end()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--actions", type=int, default=20, help="recurring actions (default: %(default)s)")
    parser.add_argument("--missed", type=int, default=60, help="minutes that each has missed, at most 99")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _run(gateway: Gateway, postgres: OwnPostgres, options: argparse.Namespace) -> int:
    gateway.install(ROOT / "fixtures" / "ecommerce")
    gateway.add_web()
    _wait_web(gateway)
    ids, since = _made(gateway, options), _set_back(postgres, options.missed)
    began = time.monotonic()
    gateway.add_workers()
    with ThreadPoolExecutor(1) as beside:
        backfills = beside.submit(_backfill, gateway, ids, since)
        _kill(gateway, options)
        _wait_until_done(postgres)
        asked = backfills.result()
    wrong = {what: count for what, sql in INVARIANTS.items() if (count := _count(postgres, sql))}
    fired = _count(postgres, "SELECT count(*) FROM orders_app_recurringfiring")
    print(
        f"{fired} occurrences of {len(ids)} recurring actions in {time.monotonic() - began:.0f} s, "
        f"{options.kills} kills, {asked} backfills"
    )
    for what, count in wrong.items():
        print(f"WRONG: {count} {what}")
    return 1 if wrong else 0


def _wait_web(gateway: Gateway) -> None:
    wait_for(lambda: _answers(gateway), PATIENCE, "the web process")


def _answers(gateway: Gateway) -> bool:
    try:
        return httpx.get(f"{gateway.url}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _post(gateway: Gateway, path: str, body: Any) -> httpx.Response:
    return httpx.post(f"{gateway.url}{path}", json=body, headers={"X-API-Key": gateway.key}, timeout=60)


def _made(gateway: Gateway, options: argparse.Namespace) -> list[str]:
    body = {**SCOPE, **CALL, "cron_expression": "* * * * *", "missed": "all"}
    answers = [_post(gateway, "/v1/recurring", body) for _ in range(options.actions)]
    return [answer.raise_for_status().json()["id"] for answer in answers]


def _set_back(postgres: OwnPostgres, minutes: int) -> datetime:
    """As if nobody had fired for so long."""
    since = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes)
    with postgres.connect() as connection:
        connection.execute("UPDATE orders_app_recurringaction SET next_at = %s, look_at = %s", [since, since])
    return since


def _backfill(gateway: Gateway, ids: list[str], since: datetime) -> int:
    """What the sweep is about to fire is asked for by people, too."""
    asked = 0
    for pk in ids[::2]:
        span = {"start": since.isoformat(), "end": datetime.now(UTC).isoformat(), "limit": 1000}
        answer = _post(gateway, f"/v1/recurring/{pk}/backfill", {**SCOPE, **span})
        asked += answer.status_code == 200
    return asked


def _kill(gateway: Gateway, options: argparse.Namespace) -> None:
    chance = random.Random(options.seed)
    left = options.kills
    while left:
        time.sleep(chance.expovariate(1 / 0.4))
        part = gateway.parts[chance.choice(["worker1", "worker2", "worker1", "worker2", "beat1", "beat2"])]
        if chance.random() < 0.4 and part.name.startswith("worker"):
            left -= part.kill_child(chance)
        else:
            part.kill()
            part.start()
            left -= 1


def _wait_until_done(postgres: OwnPostgres) -> None:
    """Nothing is due, no call is under way, and the trail has what came of each."""
    questions = (
        "SELECT count(*) FROM orders_app_recurringaction WHERE look_at <= now()",
        "SELECT count(*) FROM orders_app_recurringfiring WHERE outcome = 'running'",
        "SELECT count(*) FROM chains_app_run WHERE ended_at IS NULL",
    )
    wait_for(lambda: not any(_count(postgres, sql) for sql in questions), PATIENCE, "all to be fired")


def _count(postgres: OwnPostgres, sql: str) -> int:
    with postgres.connect() as connection:
        row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    sys.exit(main())
