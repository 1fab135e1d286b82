"""Kills the processes that send groups of actions, and checks that each action went out in exactly one call.

`python -m bench.groups --alerts 800 --kills 40 --seed 1`

A PostgreSQL, a Redis, a provider simulator that takes up to a second and fails now and then, and the gateway as in
production. Alerts come in batches and one by one; groups are full, due, or sent by hand, while worker processes (now
and then whole workers, the web process or the scheduler) get SIGKILL. Exit code 1 where an invariant does not hold.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.gateway import Gateway, configuration
from bench.proof import Undo, concluded, parser_of
from bench.services import OwnPostgres, OwnRedis, wait_for
from bench.world import Provider

SCOPE = {"namespace": "ecommerce", "tenant": "acme-store"}
TYPE, PROVIDER = "stock_low", "warehouse"
MODE: dict[str, Any] = {"slow": 0.8, "slow_seconds": 1.0, "flaky": 0.05, "wrong": 0.03, "hangup": 0.03}
CALM: dict[str, Any] = {"slow": 0.0, "flaky": 0.0, "wrong": 0.0, "hangup": 0.0}
RULE = {
    "name": "group-stock-alerts",
    "priority": 5,
    "condition": {"field": "action.action_type", "eq": TYPE},
    "action": {
        "type": "group",
        "group_by": ["action.payload.warehouse"],
        "group_wait_seconds": 2,
        "group_interval_seconds": 3,
        "max_group_size": 15,
    },
}
WAREHOUSES = 6
MOST_SECONDS = 240


@dataclass
class Storefront:
    """Sends every alert until it is answered, each under its own id and Idempotency-Key."""

    gateway: Gateway
    seed: int
    total: int
    grouped: dict[str, str] = field(default_factory=dict)  # by action the group that it was told

    def run(self) -> None:
        chance, number = random.Random(self.seed), 0
        while number < self.total:
            size = min(chance.choice((1, 1, 5, 20)), self.total - number)
            self._place([self._alert(number + place, chance) for place in range(size)], f"k-{number}")
            number += size
            time.sleep(chance.uniform(0, 0.1))

    def _alert(self, number: int, chance: random.Random) -> dict[str, Any]:
        payload = {"warehouse": f"w-{chance.randrange(WAREHOUSES)}", "sku": f"A-{number}"}
        action = {**SCOPE, "provider": PROVIDER, "action_type": TYPE, "id": f"alert-{self.seed}-{number}"}
        return {**action, "payload": payload}

    def _place(self, alerts: list[dict[str, Any]], key: str) -> None:
        while True:
            answer = call(self.gateway, "POST", "/v1/dispatch/batch", json=alerts, key=key)
            if answer is not None and answer.status_code == httpx.codes.OK:
                break
            time.sleep(0.2)
        for alert, outcome in zip(alerts, answer.json(), strict=True):
            self.grouped[alert["id"]] = outcome["Grouped"]["group_id"]


def call(gateway: Gateway, method: str, path: str, *, key: str = "", **request: Any) -> httpx.Response | None:
    """None where nobody answers."""
    headers = {"Authorization": f"Bearer {gateway.key}"} | ({"Idempotency-Key": key} if key else {})
    try:
        return httpx.request(
            method, gateway.url + path, headers=headers, timeout=30, trust_env=False, **request
        )
    except httpx.HTTPError:
        return None


def disturb(gateway: Gateway, chance: random.Random, kills: Counter[str]) -> None:
    luck, worker = chance.random(), chance.choice(gateway.named("worker"))
    if luck < 0.1:
        name = chance.choice(("web", "beat1"))
        gateway.parts[name].kill()
        kills[name] += 1
    elif luck < 0.3:
        worker.kill()
        kills["whole worker"] += 1
    elif worker.kill_child(chance):
        kills["worker process"] += 1
    gateway.revive()
    if chance.random() < 0.3:  # somebody has a group sent, which may be due or full at this moment
        listed = call(gateway, "GET", "/v1/groups", params={**SCOPE, "state": "waiting"})
        for group in listed.json()["groups"][:1] if listed is not None and listed.status_code == 200 else ():
            call(gateway, "DELETE", f"/v1/groups/{group['group_id']}")


def violations(postgres: OwnPostgres, provider: Provider, grouped: dict[str, str], total: int) -> list[str]:
    asked = """SELECT g.id::text, g.state, g.event_count, g.run_id::text, array_agg(a.action_id ORDER BY m.position)
        FROM orders_app_actiongroup g JOIN orders_app_groupedaction m ON m.group_id = g.id
        JOIN orders_app_action a ON a.id = m.action_id GROUP BY g.id"""
    with postgres.connect() as connection:
        groups = connection.execute(asked).fetchall()
        runs = connection.execute("SELECT owner_id::text, count(*) FROM chains_app_run GROUP BY 1").fetchall()
        told = connection.execute(
            "SELECT action_id, count(*) FROM audit_app_auditrecord WHERE verdict = 'group' "
            "AND outcome <> 'grouped' GROUP BY 1"
        ).fetchall()
    effects = [effect for effect in provider.ask("/ledger")["effects"] if effect[2] == TYPE]
    stats = provider.ask("/stats")
    inside = {action: group[0] for group in groups for action in group[4]}
    found = {
        "every alert was answered": len(grouped) == total,
        "each is in the group that it was told": inside == grouped,
        "each is in one group": sum(len(group[4]) for group in groups) == total,
        "counts are right": all(group[2] == len(group[4]) <= 15 for group in groups),
        "every group was sent": {group[1] for group in groups} == {"flushed"},
        "a group has one run": dict(runs) == dict.fromkeys((group[0] for group in groups), 1),
        "its provider did it once, with its key": sorted(effect[1] for effect in effects)
        == sorted(f"{group[3]}:call" for group in groups),
        "a repeat sent the same": stats.get("conflicts", 0) == 0,
        "the trail tells of each once": dict(told) == dict.fromkeys((group[0] for group in groups), 1),
    }
    print(
        f"groups {len(groups)}, effects {len(effects)}, calls {stats['calls']}, repeats {stats.get('repeats', 0)}"
    )
    return [sentence for sentence, holds in found.items() if not holds]


def until_sent(gateway: Gateway, provider: Provider, postgres: OwnPostgres) -> None:
    provider.ask("/mode", **CALM)
    asked = "SELECT count(*) FROM orders_app_actiongroup WHERE state IN ('waiting', 'flushing')"

    def sent() -> bool:
        gateway.revive()
        call(
            gateway, "POST", "/v1/incidents/resume", params=SCOPE
        )  # calls that failed too often to be asked again
        with postgres.connect() as connection:
            row = connection.execute(asked).fetchone()
        return row is not None and row[0] == 0

    wait_for(sent, MOST_SECONDS, "the last group", 0.5)


def prove(directory: Path, given: argparse.Namespace, undo: Undo) -> list[str]:
    postgres = OwnPostgres(directory)
    undo.append(postgres.end)
    redis = OwnRedis(directory)
    undo.append(redis.stop)
    provider = Provider(given.seed, MODE)
    provider.start(directory / "provider.log")
    undo.append(provider.stop)
    gateway = Gateway(directory, postgres.url, redis.url)
    files = configuration(directory, f"http://127.0.0.1:{provider.port}")
    (files / "rules" / "groups.yaml").write_text(json.dumps({"rules": [RULE]}))
    gateway.install(files)
    undo.append(gateway.stop)
    gateway.start()
    storefront = Storefront(gateway, given.seed, given.alerts)
    sending = threading.Thread(target=storefront.run)
    sending.start()
    chance, kills = random.Random(given.seed), Counter[str]()
    while sum(kills.values()) < given.kills or sending.is_alive():
        time.sleep(chance.expovariate(1 / given.pause))
        disturb(gateway, chance, kills)
    sending.join()
    until_sent(gateway, provider, postgres)
    print(f"alerts {len(storefront.grouped)}, killed: {dict(kills)}")
    return violations(postgres, provider, storefront.grouped, given.alerts)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--alerts", type=int, default=800)
    parser.add_argument("--kills", type=int, default=40, help="at least so many")
    parser.add_argument("--pause", type=float, default=0.5, help="mean seconds between kills")
    given = parser.parse_args(arguments)
    return concluded("groups", given.seed, lambda directory, undo: prove(directory, given, undo))


if __name__ == "__main__":
    sys.exit(main())
