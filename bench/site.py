"""A checkout installed in production mode, and started anew for each measurement, on a fresh copy of its database.

PostgreSQL (fsync on), Redis and the provider are shared: only one checkout is at work at a time. Its processes start by
the commands that its own docs/operations.md tells.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import psycopg

from bench.answering import Provider
from bench.checkouts import Checkout
from bench.gateway import Gateway
from bench.services import OwnPostgres, OwnRedis, wait_for
from bench.shop import SHOPS, later, order, pipeline

COMMAND = re.compile(r"^\| (web|worker|scheduler) \| `([^`]+)` \|", re.M)
READY_SECONDS = 90


def documented(guide: str) -> dict[str, str]:
    """The command of each kind of process, by the table of the checkout's guide."""
    return dict(COMMAND.findall(guide))


def command_of(text: str, **options: object) -> tuple[str, ...]:
    """Arguments of the interpreter for it, with these options in place of its own."""
    words = shlex.split(re.sub(r"(--[a-z-]+)[ =](?!--)(\S+)", r"\1=\2", text))
    words = words[1:] if words[0] == "python" else ["-m", *words]
    kept = [word for word in words if word.partition("=")[0].removeprefix("--") not in options]
    return (*kept, *(f"--{name}={value}" for name, value in options.items()))


@dataclass
class Running:
    """What a row measures."""

    gateway: Gateway
    provider: Provider

    @property
    def url(self) -> str:
        return self.gateway.url

    @property
    def key(self) -> str:
        return self.gateway.key

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.gateway.database_url, autocommit=True, connect_timeout=5)

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    def stop(self) -> None:
        for part in self.gateway.parts.values():
            part.kill()

    def web_processes(self) -> list[int]:
        """Those that answer requests: the children of a supervisor, or itself where it has none."""
        return [pid for part in self.gateway.named("web") for pid in (part.children() or [part.pid])]


@dataclass(frozen=True)
class Prepared:
    """A database to copy, and what stood in Redis with it."""

    database: str
    messages: Mapping[bytes, bytes]


class Site:
    def __init__(
        self, checkout: Checkout, directory: Path, postgres: OwnPostgres, redis: OwnRedis, provider: Provider
    ) -> None:
        self.checkout, self.directory, self.provider = checkout, directory, provider
        self._postgres, self._redis = postgres, redis
        self._installed = Prepared(f"{checkout.name}_installed", {})
        self._used = f"{checkout.name}_used"
        self._prepared: dict[str, Prepared] = {}
        self._commands = documented((checkout.root / "docs" / "operations.md").read_text())
        self._key = ""

    def install(self) -> None:
        self.directory.mkdir()
        with self._postgres.connect() as connection:
            connection.execute(f"CREATE DATABASE {self._installed.database}")
        gateway = self._gateway(self._installed.database)
        gateway.install(pipeline(self.checkout.root, self.directory / "pipeline", self.provider.url))
        self._key = gateway.key

    @contextmanager
    def running(
        self,
        *,
        web: int = 2,
        on: Prepared | None = None,
        in_place: bool = False,
        database_port: int | None = None,
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> Iterator[Running]:
        """So many web processes on a fresh database, or a copy of that one; the provider answers at once.

        `in_place`: on that one itself, where it is too large to copy. `database_port`: a door to PostgreSQL to take.
        """
        used = on.database if on and in_place else self._used
        self._restore(on or self._installed, used)
        self.provider.delay("*", 0)
        gateway = self._gateway(used)
        if database_port:
            gateway.env["DATABASE_URL"] = f"postgres://postgres@127.0.0.1:{database_port}/{used}"
        gateway.env |= env
        running = Running(gateway, self.provider)
        try:
            if web:
                self._start_web(running, web)
            yield running
        finally:
            running.stop()
            with self._postgres.connect() as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {self._used} WITH (FORCE)")

    def prepared(self, name: str, fill: Callable[[Running], None]) -> Prepared:
        """What `fill` makes of a fresh database, once for all that ask for it. No worker is at work."""
        if name not in self._prepared:
            database = f"{self.checkout.name}_{name}"
            with self.running() as running:
                fill(running)
                running.stop()
                with self._postgres.connect() as connection:
                    connection.execute(f"ALTER DATABASE {self._used} RENAME TO {database}")
            client = self._redis.client()
            self._prepared[name] = Prepared(database, {key: client.dump(key) for key in client.scan_iter()})
        return self._prepared[name]

    @property
    def postgres_port(self) -> int:
        return self._postgres.port

    def server_version(self) -> str:
        with self._postgres.connect() as connection:
            return str(connection.info.parameter_status("server_version")).split()[0]

    def start_workers(self, running: Running, processes: int = 2) -> None:
        """And the scheduler."""
        running.gateway.add("worker", command_of(self._commands["worker"], concurrency=processes))
        running.gateway.add("scheduler", command_of(self._commands["scheduler"]))

    def _start_web(self, running: Running, processes: int) -> None:
        gateway = running.gateway
        options = {"host": "127.0.0.1", "port": gateway.port, "workers": processes}
        gateway.add("web", command_of(self._commands["web"], **options))
        wait_for(lambda: _healthy(gateway), READY_SECONDS, f"{self.checkout.name}'s web process")
        _warm(running)

    def _gateway(self, database: str) -> Gateway:
        url = self._postgres.url.rpartition("/")[0] + f"/{database}"
        root, python = self.checkout.root, self.checkout.python
        gateway = Gateway(self.directory, url, self._redis.url, root=root, python=python, key=self._key)
        gateway.env.pop("PYTHONDONTWRITEBYTECODE", None)  # each start would compile everything
        return gateway

    def _restore(self, prepared: Prepared, used: str) -> None:
        with self._postgres.connect() as connection:
            if used != prepared.database:
                connection.execute(f"DROP DATABASE IF EXISTS {used} WITH (FORCE)")
                connection.execute(f"CREATE DATABASE {used} TEMPLATE {prepared.database}")
            connection.execute("CHECKPOINT")  # so that none falls into the measurement
        client = self._redis.client()
        client.flushall()
        for key, content in prepared.messages.items():
            client.restore(key, 0, content)


def _healthy(gateway: Gateway) -> bool:
    try:
        return httpx.get(gateway.url + "/health", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _warm(running: Running) -> None:
    """Each process has its caches and connections, and each shop the rows that it keeps one of.

    Most are scheduled for later, so that workers, where some start, have next to nothing to do for them.
    """
    with running.client() as client:
        for start in range(0, SHOPS, 100):
            orders = [later(f"warm-{number}", number) for number in range(start, start + 100)]
            client.post("/v1/dispatch/batch", json=orders).raise_for_status()
    for number in range(20):
        with running.client() as client:  # its own connection, so that any of the processes may take it
            client.post("/v1/dispatch", json=order(f"warm-again-{number}", number)).raise_for_status()
