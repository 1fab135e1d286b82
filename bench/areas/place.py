"""All that runs: the services, two hosts, those whom the gateway calls, and the shop that asks it."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bench.areas.peers import KINDS, Messengers, Subscriber, providers
from bench.gateway import ROOT, Gateway, configuration
from bench.groups import RULE as GROUPING
from bench.services import OwnPostgres
from bench.world import Provider

SCOPE = {"namespace": "ecommerce", "tenant": "north"}
NIGHT = {"namespace": "night", "tenant": "north"}
TOLD = {"namespace": "ecommerce", "tenant": "south"}  # who sends messages
ALLOWED = {
    "name": "what-is-asked-here",
    "priority": 50,
    "condition": {
        "field": "action.action_type",
        "in_list": ["notice", "message", "announcement", "refund_order"],
    },
    "action": {"type": "allow"},
}
IS_MUTED = [{"field": "action.action_type", "eq": "notice"}, {"field": "action.metadata.team", "eq": "c"}]
MUTED = {
    "name": "what-is-muted-here",
    "priority": 40,
    "condition": {"all": IS_MUTED},
    "action": {"type": "allow"},
    "mute_time_intervals": ["even-minutes"],
}
# The same calls one after another: an announcement whose call is in doubt waits for a person.
ANNOUNCING = {
    "name": "announcing",
    "trigger": {"action_type": "announcement"},
    "steps": [{"name": kind, "provider": kind, "action_type": "announcement"} for kind in KINDS],
}
AGAIN = frozenset((409, 429, 500, 502, 503, 504))


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


@dataclass
class Place:
    postgres: OwnPostgres
    provider: Provider
    gateway: Gateway
    subscriber: Subscriber
    messengers: Messengers
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


def files(directory: Path, provider_url: str, messengers_url: str) -> Path:
    """The shop's pipeline with refunds, the rules that group and mute, and one that lets the rest through."""
    target = configuration(directory, provider_url)
    (target / "rules" / "areas.yaml").write_text(json.dumps({"rules": [GROUPING, MUTED, ALLOWED]}))
    added = {
        "providers": providers(messengers_url),
        "time_intervals": [even_minutes()],
        "chains": [ANNOUNCING],
    }
    (target / "areas.yaml").write_text(json.dumps(added))
    for name in ("lifecycles", "chains"):
        shutil.copy(ROOT / "fixtures" / "returns" / f"{name}.yaml", target / f"returns-{name}.yaml")
    return target


def even_minutes() -> dict[str, Any]:
    """Of the next hour, by UTC: any run that lasts a minute lies within them and without."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    begins = [now + timedelta(minutes=number) for number in range(60)]
    spans = [(one, one + timedelta(minutes=1)) for one in begins if one.minute % 2 == 0]
    times = [{"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"} for start, end in spans]
    return {"name": "even-minutes", "time_ranges": [{"times": times}]}
