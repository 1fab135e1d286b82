"""What stands beside orders, all of it at once, on two hosts whose processes are killed.

`python -m bench.areas --seconds 60 --kills 60 --seed 1`

A PostgreSQL, a Redis, a provider that is slow, flaky and wrong, a subscriber that fails and hangs up, a Slack, Teams,
Twilio, PagerDuty and a carrier that do so too, and two hosts with a web process, a worker and a scheduler each. Through
their HTTP doors come notices that silences mute now and then, and a time interval every other minute, messages, alerts
that a rule groups, recurring actions that make up for what they missed, orders whose refunds ask for more than was
charged, all at once; a subscription is told of all of it. People look at the ledger of who knows no message again. In
the end nothing may have happened twice, or never. Exit code 1 where that is not so.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.areas.books import Books, violations
from bench.areas.drivers import DRIVERS, MOST_SECONDS, begin_recurring, end_recurring
from bench.areas.peers import Messengers, Subscriber
from bench.areas.place import NIGHT, SCOPE, TOLD, Place, Shop, files
from bench.gateway import HOSTS, Gateway
from bench.proof import Undo, concluded, parser_of
from bench.services import OwnPostgres, OwnRedis, wait_for
from bench.world import Provider

MODE: dict[str, Any] = {"slow": 0.3, "slow_seconds": 0.6, "flaky": 0.05, "wrong": 0.02, "hangup": 0.02}
CALM: dict[str, Any] = {"slow": 0.0, "flaky": 0.0, "wrong": 0.0, "hangup": 0.0}


def wait_quiet(place: Place) -> None:
    """All are well, and people see to what is parked, until nothing is left to do."""
    place.provider.ask("/mode", **CALM)
    place.subscriber.trouble = place.messengers.trouble = 0.0

    def quiet() -> bool:
        place.gateway.revive()
        for scope in (SCOPE, NIGHT):
            place.shop.call("POST", "/v1/incidents/resume", params=scope)
        answer_doubts(place)
        return not any(place.count(sql) for sql in LEFT)

    wait_for(quiet, MOST_SECONDS, "all of it to end", 1.0)


def answer_doubts(place: Place) -> None:
    """Of messages: who may have taken one already is not simply asked again. People look, and say what they found."""
    for incident, reason, kind, action in place.rows(DOUBTS, TOLD["tenant"]):
        taken = (kind, action) in place.messengers.effects
        verb, body = ("skip", {"outcome": "done"}) if taken else ("retry", {"outcome": "not_done"})
        if reason != "unknown_outcome":
            verb, body = "retry", {}
        place.shop.call("POST", f"/v1/incidents/{incident}/{verb}", json=body)


DOUBTS = """
    SELECT i.id::text, i.reason, i.step, r.action_id FROM chains_app_incident i JOIN chains_app_run r ON r.id = i.run_id
    WHERE i.resolved_at IS NULL AND r.tenant = %s
"""
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


def prove(directory: Path, given: argparse.Namespace, undo: Undo) -> list[str]:
    place = begin(directory, given.seed, undo)
    place.shop.call(
        "POST", "/v1/subscriptions", json={**SCOPE, "name": "bench", "url": place.subscriber.url}
    ).raise_for_status()
    _live(place, given)
    wait_quiet(place)
    counted = Counter(f"{name.partition('-')[0]} {tag}" for name, tag in place.shop.outcomes.items())
    told = Counter(kind for kind, _ in place.messengers.effects)
    fired = place.count("SELECT count(*) FROM orders_app_recurringfiring")
    doubts = place.count("SELECT count(*) FROM chains_app_incident WHERE reason = 'unknown_outcome'")
    print(f"killed: {dict(place.kills)}\nanswered: {dict(sorted(counted.items()))}")
    print(
        f"{fired} occurrences fired, {len(place.subscriber.taken)} deliveries and {dict(told)} taken, {doubts} in doubt"
    )
    return violations(Books.of(place))


def begin(directory: Path, seed: int, undo: Undo) -> Place:
    postgres = OwnPostgres(directory)
    undo.append(postgres.end)
    redis = OwnRedis(directory)
    undo.append(redis.stop)
    provider = Provider(seed, MODE)
    provider.start(directory / "provider.log")
    undo.append(provider.stop)
    subscriber, messengers = Subscriber(seed), Messengers(seed)
    undo += [subscriber.stop, messengers.stop]
    gateway = Gateway(directory, postgres.url, redis.url, hosts=HOSTS)
    gateway.env |= {"ACTEON_SUBSCRIPTION_RETRY_SECONDS": ",".join(["1"] * 60)}
    gateway.install(files(directory, f"http://127.0.0.1:{provider.port}", messengers.url))
    undo.append(gateway.stop)
    gateway.start()
    shop = Shop(gateway, random.Random(seed), seed)
    return Place(postgres, provider, gateway, subscriber, messengers, shop)


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
    parser = parser_of(__doc__)
    parser.add_argument(
        "--seconds", type=float, default=60, help="for which things come (default: %(default)s)"
    )
    parser.add_argument("--kills", type=int, default=40, help="about so many (default: %(default)s)")
    given = parser.parse_args(arguments)
    return concluded("areas", given.seed, lambda directory, undo: prove(directory, given, undo))


if __name__ == "__main__":
    sys.exit(main())
