"""What stands beside orders, all of it at once, on two hosts whose processes are killed.

`python -m bench.areas --seconds 60 --kills 60 --seed 1`

A PostgreSQL, a Redis, a provider that is slow, flaky and wrong, a subscriber that fails and hangs up, and two hosts
with a web process, a worker and a scheduler each. Through their HTTP doors come notices that silences mute now and
then, alerts that a rule groups, recurring actions that make up for what they missed, orders whose refunds ask for more
than was charged, all at once; a subscription is told of all of it. In the end nothing may have happened twice, or
never. Exit code 1 where that is not so.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from bench.areas_books import REFUND, TOTAL, Books, violations
from bench.gateway import HOSTS, ROOT, Gateway, configuration
from bench.groups import RULE as GROUPING
from bench.services import OwnPostgres, OwnRedis, wait_for
from bench.world import Provider

SCOPE = {"namespace": "ecommerce", "tenant": "north"}
NIGHT = {"namespace": "night", "tenant": "north"}
MODE: dict[str, Any] = {"slow": 0.3, "slow_seconds": 0.6, "flaky": 0.05, "wrong": 0.02, "hangup": 0.02}
CALM: dict[str, Any] = {"slow": 0.0, "flaky": 0.0, "wrong": 0.0, "hangup": 0.0}
PEOPLE = 6
ALLOWED = {
    "name": "what-is-asked-here",
    "priority": 50,
    "condition": {"field": "action.action_type", "in_list": ["notice", "refund_order"]},
    "action": {"type": "allow"},
}
RECURRING, MISSED_MINUTES = 5, 40
MOST_SECONDS = 240
AGAIN = frozenset((409, 429, 500, 502, 503, 504))


class Subscriber:
    """Takes each event at last. `taken` in the order of the answers: webhook-id, action and number."""

    def __init__(self, seed: int) -> None:
        self.taken: list[tuple[str, str, int]] = []
        self.trouble = 0.15
        chance, lock, self_ = random.Random(seed), threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    luck = chance.random()
                    if luck < self_.trouble / 3:  # taken, but nobody hears of it
                        self_._note(self.headers["webhook-id"], body["data"])
                        self.close_connection = True
                        return
                    if luck >= self_.trouble:
                        self_._note(self.headers["webhook-id"], body["data"])
                self.send_response(204 if luck >= self_.trouble else 500)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _note(self, webhook_id: str, data: dict[str, Any]) -> None:
        self.taken.append((webhook_id, data.get("action_id", ""), int(data["id"])))

    def stop(self) -> None:
        self._server.shutdown()


@dataclass
class Shop:
    """Asks one host or the other until somebody answers, each thing under its own Idempotency-Key."""

    gateway: Gateway
    chance: random.Random
    seed: int
    outcomes: dict[str, str] = field(default_factory=dict)  # by the action's id

    def call(self, method: str, path: str, *, key: str = "", **request: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.gateway.key}"} | ({"Idempotency-Key": key} if key else {})
        while True:
            url = self.chance.choice(self.gateway.urls) + path
            try:
                answer = httpx.request(method, url, headers=headers, timeout=30, trust_env=False, **request)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code not in AGAIN:
                return answer
            time.sleep(0.2)

    def dispatch(self, action: dict[str, Any]) -> str:
        said = self.call("POST", "/v1/dispatch", key=action["id"], json=action).json()
        tag = said if isinstance(said, str) else next(iter(said))
        self.outcomes[action["id"]] = tag
        return tag


def action(kind: str, number: str, provider: str, payload: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {**SCOPE, "provider": provider, "action_type": kind, "id": f"{kind}-{number}"}
    return {**base, "payload": payload, **more}


@dataclass
class Place:
    """All that runs."""

    postgres: OwnPostgres
    provider: Provider
    gateway: Gateway
    subscriber: Subscriber
    shop: Shop
    kills: Counter[str] = field(default_factory=Counter)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.postgres.connect() as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def count(self, sql: str, *parameters: Any) -> int:
        return int(self.rows(sql, *parameters)[0][0])

    def disturb(self, chance: random.Random) -> None:
        """A process of a worker, or all of one part, of one host or the other."""
        worker = chance.choice(self.gateway.named("worker"))
        if chance.random() < 0.5 and worker.kill_child(chance):
            self.kills["worker process"] += 1
        else:
            part = self.gateway.parts[chance.choice(sorted(self.gateway.parts))]
            part.kill()
            self.kills[part.name] += 1
        self.gateway.revive()


def notices(place: Place, ends: float) -> None:
    for number in _until(ends, 0.08):
        team = {"team": "a" if number % 2 else "b"}
        payload = {"order_id": f"notice-{number}"}
        place.shop.dispatch(_action("notice", str(number), "email-service", payload, metadata=team))


def alerts(place: Place, ends: float) -> None:
    for number in _until(ends, 0.08):
        payload = {"warehouse": f"w-{number % 4}", "order_id": f"stock_low-{number}"}
        place.shop.dispatch(_action("stock_low", str(number), "warehouse", payload))


def silences(place: Place, ends: float) -> None:
    matchers = [{"name": "team", "value": "a"}]
    for _ in _until(ends, 4):
        body = {**SCOPE, "matchers": matchers, "duration_seconds": 2, "comment": "drill"}
        place.shop.call("POST", "/v1/silences", json=body)


def orders(place: Place, ends: float) -> None:
    """One after the other; once it has ended, six people at once want a third of it back."""
    for number in _until(ends, 0.5):
        name = f"order-{place.shop.seed}-{number}"
        place.shop.dispatch(_action("place_order", name, "payment-gateway", _order(name)))
        wait_for(lambda name=name: _has_ended(place, name), MOST_SECONDS, f"{name} to end", 0.3)
        wanted = [
            _action("refund_order", f"{name}-{part}", "payment-gateway", _refund(name, part))
            for part in range(PEOPLE)
        ]
        with ThreadPoolExecutor(PEOPLE) as people:
            list(people.map(place.shop.dispatch, wanted))


DRIVERS: tuple[Callable[[Place, float], None], ...] = (notices, alerts, silences, orders)


def begin_recurring(place: Place) -> None:
    """As if nobody had fired them for so many minutes; each is to be made up for."""
    body = {
        **NIGHT,
        "provider": "email-service",
        "action_type": "send_report",
        "cron_expression": "* * * * *",
    }
    for _ in range(RECURRING):
        place.shop.call(
            "POST", "/v1/recurring", json={**body, "payload": {}, "missed": "all"}
        ).raise_for_status()
    with place.postgres.connect() as connection:
        missed = f"date_trunc('minute', now()) - interval '{MISSED_MINUTES} minutes'"
        connection.execute(f"UPDATE orders_app_recurringaction SET next_at = {missed}, look_at = {missed}")


def end_recurring(place: Place) -> None:
    listed = place.shop.call("GET", "/v1/recurring", params=NIGHT).json()["recurring_actions"]
    for one in listed:
        place.shop.call("POST", f"/v1/recurring/{one['id']}/pause", json=NIGHT)


def wait_quiet(place: Place) -> None:
    """The provider is well, and people have what is parked tried again, until nothing is left to do."""
    place.provider.ask("/mode", **CALM)
    place.subscriber.trouble = 0.0

    def quiet() -> bool:
        place.gateway.revive()
        for scope in (SCOPE, NIGHT):
            place.shop.call("POST", "/v1/incidents/resume", params=scope)
        return not any(place.count(sql) for sql in LEFT)

    wait_for(quiet, MOST_SECONDS, "all of it to end", 1.0)


LEFT = (
    "SELECT count(*) FROM chains_app_run WHERE ended_at IS NULL",
    "SELECT count(*) FROM orders_app_actiongroup WHERE state IN ('waiting', 'flushing')",
    "SELECT count(*) FROM orders_app_recurringfiring WHERE outcome = 'running'",
    "SELECT count(*) FROM audit_app_auditrecord WHERE number IS NULL",
    "SELECT count(*) FROM audit_app_event WHERE number IS NULL",
    "SELECT count(*) FROM subscriptions_app_delivery WHERE status = 'pending'",
    """SELECT coalesce(max(number), 0) - (SELECT coalesce(max(event_number), 0) FROM subscriptions_app_fanouthead)
       FROM audit_app_event""",
)


def _until(ends: float, pause: float) -> Any:
    number = 0
    while time.monotonic() < ends:
        yield number
        number += 1
        time.sleep(pause)


def _action(kind: str, name: str, provider: str, payload: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {**SCOPE, "provider": provider, "action_type": kind, "id": f"{kind}-{name}"}
    return {**base, "payload": payload, **more}


def _order(name: str) -> dict[str, Any]:
    return {"order_id": name, "total_cents": TOTAL, "currency": "USD", "shipping_country": "US"}


def _refund(name: str, part: int) -> dict[str, Any]:
    asked = {"refund_id": f"{name}-{part}", "order_id": name, "amount_cents": REFUND}
    return {**asked, "currency": "USD", "reason": "returned"}


def _has_ended(place: Place, name: str) -> bool:
    asked = (
        "SELECT count(*) FROM orders_app_order WHERE fingerprint = %s AND status IN ('completed', 'failed')"
    )
    return place.count(asked, name) > 0


def files(directory: Path, provider_url: str) -> Path:
    """The shop's pipeline with refunds, the rule that groups, and one that lets the rest through."""
    target = configuration(directory, provider_url)
    (target / "rules" / "areas.yaml").write_text(json.dumps({"rules": [GROUPING, ALLOWED]}))
    for name in ("lifecycles", "chains"):
        shutil.copy(ROOT / "fixtures" / "returns" / f"{name}.yaml", target / f"returns-{name}.yaml")
    return target


def prove(directory: Path, given: argparse.Namespace, undo: list[Callable[[], object]]) -> list[str]:
    postgres = OwnPostgres(directory)
    undo.append(postgres.end)
    redis = OwnRedis(directory)
    undo.append(redis.stop)
    provider = Provider(given.seed, MODE)
    provider.start(directory / "provider.log")
    undo.append(provider.stop)
    subscriber = Subscriber(given.seed)
    undo.append(subscriber.stop)
    gateway = Gateway(directory, postgres.url, redis.url, hosts=HOSTS)
    gateway.env |= {"ACTEON_SUBSCRIPTION_RETRY_SECONDS": ",".join(["1"] * 60)}
    gateway.install(files(directory, f"http://127.0.0.1:{provider.port}"))
    undo.append(gateway.stop)
    gateway.start()
    place = Place(
        postgres, provider, gateway, subscriber, Shop(gateway, random.Random(given.seed), given.seed)
    )
    place.shop.call(
        "POST", "/v1/subscriptions", json={**SCOPE, "name": "bench", "url": subscriber.url}
    ).raise_for_status()
    _live(place, given)
    wait_quiet(place)
    counted = Counter(f"{name.partition('-')[0]} {tag}" for name, tag in place.shop.outcomes.items())
    fired = place.count("SELECT count(*) FROM orders_app_recurringfiring")
    print(f"killed: {dict(place.kills)}\nanswered: {dict(sorted(counted.items()))}")
    print(f"{fired} occurrences fired, {len(subscriber.taken)} deliveries taken")
    effects = place.provider.ask("/ledger")["effects"]
    return violations(Books(place.rows, place.shop.outcomes, effects, place.subscriber.taken))


def _live(place: Place, given: argparse.Namespace) -> None:
    begin_recurring(place)
    ends, chance = time.monotonic() + given.seconds, random.Random(given.seed)
    with ThreadPoolExecutor(len(DRIVERS)) as drivers:
        at_work = [drivers.submit(driver, place, ends) for driver in DRIVERS]
        while time.monotonic() < ends or sum(place.kills.values()) < given.kills:
            time.sleep(chance.expovariate(given.kills / given.seconds))
            place.disturb(chance)
        for one in at_work:
            one.result()
    end_recurring(place)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=60, help="for which things come (default: %(default)s)"
    )
    parser.add_argument("--kills", type=int, default=40, help="about so many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args(arguments)
    undo: list[Callable[[], object]] = []
    with tempfile.TemporaryDirectory(prefix="acteon-areas-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        try:
            broken = prove(directory, given, undo)
        finally:
            for step in reversed(undo):
                step()
    for sentence in broken:
        print(f"VIOLATION: {sentence}")
    print(f"seed {given.seed}: " + ("BROKEN" if broken else "all of it holds"))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
