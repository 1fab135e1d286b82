"""A production installation for one test module, whose every part may be killed, Redis too."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from acteon_site.bootstrap import bootstrap
from acteon_site.client.errors import Unreachable
from acteon_site.client.http import GatewayClient
from acteon_site.client.lifecycle import order_action
from bench.gateway import Gateway, Part, configuration
from bench.services import OwnRedis
from tests.e2e.running import free_port, wait_until


@dataclass(frozen=True)
class Installation:
    """Two web processes, a worker and a scheduler on a database and a Redis of their own."""

    gateway: Gateway
    redis: OwnRedis
    urls: list[str]

    def part(self, name: str) -> Part:
        return self.gateway.parts[name]

    def place(self, count: int, at: Sequence[str] = ()) -> list[str]:
        """Orders of several clients at once, at both processes or `at` others; answers their ids."""
        names = [f"S-{uuid.uuid4().hex[:12]}" for _ in range(count)]
        with ThreadPoolExecutor(min(count, 6)) as pool:
            list(pool.map(self._place, names, list(at or self.urls) * count))
        return names

    def _place(self, name: str, url: str) -> None:
        with GatewayClient(url, self.gateway.key) as client:
            assert client.dispatch(order_action(name, "ecommerce", "acme-store")).kind == "Executed"

    def ask(self, query: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.gateway.database_url) as connection:
            return [row[0] for row in connection.execute(query, values)]  # type: ignore[call-overload]

    def head(self) -> int:
        return int(max(self.ask("SELECT event_number FROM audit_app_relayhead"), default=0))


@contextmanager
def own_database(name: str) -> Iterator[str]:
    """A database of its own beside the given one, dropped afterwards."""
    server, _, given = os.environ["DATABASE_URL"].rpartition("/")
    own = f"{given.partition('?')[0]}_{name}"
    drop = f"DROP DATABASE IF EXISTS {own} WITH (FORCE)"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(drop)  # type: ignore[call-overload]
        connection.execute(f"CREATE DATABASE {own}")  # type: ignore[call-overload]
    try:
        yield f"{server}/{own}"
    finally:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(drop)  # type: ignore[call-overload]


@contextmanager
def installed(directory: Path) -> Iterator[Installation]:
    with ExitStack() as stack:
        database = stack.enter_context(own_database("stream"))
        redis = OwnRedis(directory)
        stack.callback(redis.stop)
        gateway = Gateway(directory, database, redis.url, workers=1)
        install(gateway)
        stack.callback(lambda: [part.kill() for part in gateway.parts.values()])
        url = add_second_web(gateway)
        gateway.start()
        wait_web(url)
        yield Installation(gateway, redis, [gateway.url, url])


INSTALL = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "acteon_site.settings"
import django
from django.core.management import call_command
django.setup()
call_command("migrate", interactive=False, verbosity=0)
call_command("load_pipeline", sys.argv[1], stdout=sys.stderr)
call_command("create_api_key", "listener", role="admin", quiet=True)
"""


def install(gateway: Gateway) -> None:
    """As Gateway.install, in one process: Django is started once and not five times."""
    bootstrap(Path(gateway.env["ACTEON_ENV_FILE"]))
    gateway.key = gateway.run("-c", INSTALL, str(configuration(gateway.directory, None))).split()[-1]


def add_second_web(gateway: Gateway) -> str:
    port = free_port()
    command = ("-m", "acteon_site.serving.web", "--port", str(port))
    gateway.parts["web2"] = Part("web2", command, gateway.env, gateway.directory / "web2.log")
    gateway.parts["web2"].start()
    return f"http://127.0.0.1:{port}"


def wait_web(url: str) -> None:
    with GatewayClient(url) as client:
        wait_until(lambda: answers(client))


def answers(client: GatewayClient) -> bool:
    try:
        return bool(client.health())
    except Unreachable:
        return False
