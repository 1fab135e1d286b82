"""One scenario's whole world: services, provider, gateway, storefront; and what was done to them."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.gateway import ROOT, Gateway, configuration
from bench.invariants import PARKED_SCOPES, Verdict, check, count_ended, held_back, open_work
from bench.lists import ListReader
from bench.mixed import DECLINES
from bench.orders import Storefront, order_of
from bench.people import People
from bench.services import OwnPooler, OwnPostgres, OwnRedis, free_port, wait_for

QUIET_SECONDS = 240
PROGRESS_SECONDS = 120
TROUBLE: dict[str, Any] = {"slow": 0.05, "slow_seconds": 0.6, "flaky": 0.02, "wrong": 0.01, "hangup": 0.01}
TROUBLE |= {"declines": {"ship_order": 4, **DECLINES}, "review": 6, "locked": 8}
CALM = {"slow": 0.0, "flaky": 0.0, "wrong": 0.0, "hangup": 0.0, "gone": False, "locked": 0}


@dataclass
class Provider:
    """The simulator's process and its books."""

    seed: int
    mode: dict[str, Any]
    port: int = field(default_factory=free_port)
    control_port: int = field(default_factory=free_port)

    def start(self, log: Path) -> None:
        command = ["-m", "bench.provider_sim", f"--port={self.port}", f"--control-port={self.control_port}"]
        command += [f"--seed={self.seed}", f"--mode={json.dumps(self.mode)}"]
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, stdout=stream, stderr=stream
            )
        wait_for(self._answers, 20, "the provider simulator")

    def _answers(self) -> bool:
        try:
            return bool(self.ask("/stats"))
        except httpx.HTTPError:
            return False

    def ask(self, path: str, **mode: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.control_port}{path}"
        method = "POST" if mode else "GET"
        answer = httpx.request(method, url, json=mode or None, timeout=30, trust_env=False, verify=False)
        answered: dict[str, Any] = answer.raise_for_status().json()
        return answered

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass
class World:
    seed: int
    total: int
    directory: Path
    postgres: OwnPostgres
    redis: OwnRedis
    provider: Provider
    gateway: Gateway
    storefront: Storefront
    people: People
    random: random.Random
    servers: list[OwnPostgres] = field(default_factory=list)
    pooler: OwnPooler | None = None
    lists: ListReader | None = None
    kills: Counter[str] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    steady_clock: bool = True  # of the database

    def connect(self) -> psycopg.Connection[Any]:
        """To the primary, whichever that is by now."""
        return self.postgres.connect()

    def scans_of_the_replica(self) -> int:
        """How often its tables were read: statistics are each server's own."""
        with self.servers[1].connect() as connection:
            asked = "SELECT sum(seq_scan + coalesce(idx_scan, 0))::int FROM pg_stat_user_tables"
            row = connection.execute(asked).fetchone()
        return int(row[0] or 0) if row else 0

    def fail_over(self) -> None:
        """The primary dies, and the replica takes over."""
        lost, self.postgres = self.servers
        lost.kill()
        self.postgres.promote()

    def follow_anew(self) -> None:
        """A new replica where the primary was that died."""
        lost, primary = self.servers
        self.servers[:] = [primary, OwnPostgres(self.directory, follows=primary, port=lost.port)]

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", flush=True)

    def supervise(self) -> None:
        """Start again what has ended by itself, and count it."""
        for name in self.gateway.revive():
            self.say(f"{name} had ended by itself, and is started again")
            self.exits[name] += 1

    def ended(self) -> int:
        try:
            with self.connect() as connection:
                return count_ended(connection)
        except psycopg.Error:
            return 0

    @contextmanager
    def outage(self, what: str) -> Iterator[None]:
        """Something is broken inside the block; afterwards: how long until another run ends."""
        before = time.monotonic()
        yield
        back = time.monotonic()
        stand = wait_for(self.ended, 30, "PostgreSQL")
        wait_for(
            lambda: self.ended() > stand or self._stands(), PROGRESS_SECONDS, f"progress after: {what}", 0.2
        )
        if self._stands():
            self.say(f"{what}: {back - before:.1f} s; nothing was left that could have gone on")
            return
        self.recoveries.setdefault(what, []).append(time.monotonic() - back)
        self.say(f"{what}: {back - before:.1f} s; the next run ended {time.monotonic() - back:.2f} s later")

    def idle(self) -> bool:
        """Nothing is left to do; apart from what waits for a person, unless the people finish."""
        return not self.storefront.busy and self._worked_off()

    def _stands(self) -> bool:
        """Nothing is left to do, nor will be before the storefront may send its next order."""
        return (not self.storefront.busy or self.storefront.held_back) and self._worked_off()

    def _worked_off(self) -> bool:
        try:
            with self.connect() as connection:
                if self.people.finishing and connection.execute(PARKED_SCOPES).fetchone():
                    return False
                return not any(open_work(connection))
        except psycopg.Error:
            return False

    def wait_quiet(self) -> float:
        """Seconds until nothing is left to do."""
        started, told = time.monotonic(), 0.0
        while not self.idle():
            waited = time.monotonic() - started
            if waited - told > 10:
                told = waited
                with self.connect() as connection:
                    self.say(f"waiting: runs, holds, unsealed, unsent = {open_work(connection)}")
            if waited > QUIET_SECONDS:
                raise TimeoutError(f"not quiet after {QUIET_SECONDS} s")
            self.supervise()
            time.sleep(0.25)
        return time.monotonic() - started

    def judge(self, *, trail: bool = True) -> Verdict:
        """`trail`: the hash chains too."""
        books = self.provider.ask("/ledger")["effects"]
        with self.connect() as connection:
            stats = self.provider.ask("/stats")
            verdict = check(connection, self.storefront.answers, books, stats, steady_clock=self.steady_clock)
        unanswered = self.storefront.unanswered
        verdict.must(not unanswered, f"{len(unanswered)} orders were never answered")
        verdict.must(len(self.storefront.answers) == self.total, "not every order was accepted")
        verdict.violations += self.people.problems
        if self.lists:
            verdict.must(
                not self.lists.missing, f"not in the list after its answer: {self.lists.missing[:5]}"
            )
        told = self.gateway.run("manage.py", "verify_audit", check=False) if trail else "chains are whole"
        verdict.must("chains are whole" in told and not told.startswith("failed"), told[-500:])
        return verdict

    def resume_parked(self) -> None:
        """Once the provider is well, all that is parked is retried at once; then each is looked at."""
        self.provider.ask("/mode", **CALM)
        with self.connect() as connection:
            scopes = connection.execute(PARKED_SCOPES).fetchall()
        for namespace, tenant in scopes:
            query = {"namespace": namespace, "tenant": tenant}
            self._post("/v1/incidents/resume", params=query).raise_for_status()
        self.wait_quiet()
        self.people.finishing = True

    def place_again(self) -> tuple[int, list[str]]:
        """Send what is held back for a doubt once more. How many that were; and which were taken, as none may be."""
        with self.connect() as connection:
            doubtful = held_back(connection)
        taken = []
        for name, tenant in doubtful:
            order = {**order_of(0, self.seed), "id": f"again-{name}", "tenant": tenant}
            order["payload"] = {**order["payload"], "order_id": name}
            answer = self._post("/v1/dispatch", json=order).json()
            if answer != "Deduplicated":
                taken.append(f"placed again though in doubt: {name}: {answer}")
        return len(doubtful), taken

    def _post(self, path: str, **request: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.gateway.key}"}
        return httpx.post(
            self.gateway.url + path, headers=headers, timeout=60, trust_env=False, verify=False, **request
        )


Prepare = Callable[[Gateway], None]


def _behind_pooler(
    gateway: Gateway, directory: Path, postgres: OwnPostgres, undo: list[Callable[[], object]]
) -> OwnPooler:
    pooler = OwnPooler(directory, postgres)
    undo.append(pooler.stop)
    gateway.env |= {"DATABASE_URL": pooler.url, "ACTEON_DB_PREPARE": str(pooler.prepares).lower()}
    return pooler


def _with_replica(gateway: Gateway, primary: OwnPostgres, replica: OwnPostgres) -> None:
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{replica.port}"
    url = f"postgres://postgres@{hosts}/postgres?target_session_attrs="
    gateway.env |= {"DATABASE_URL": url + "read-write", "DATABASE_REPLICA_URL": url + "prefer-standby"}


@contextmanager
def world(
    *,
    seed: int,
    total: int,
    prepare: Prepare = lambda gateway: None,
    mode: Mapping[str, Any] | None = None,
    mixed: int = 10,
    keep: bool = False,
    replica: bool = False,
    pooled: bool = False,
) -> Iterator[World]:
    """Everything started and ready; stopped at the end, whatever happened.

    `replica`: lists are read from a streaming replica, and both servers are named to the gateway. `pooled`: it stands
    behind PgBouncer.
    """
    directory = Path(tempfile.mkdtemp(prefix="acteon-faults-"))
    directory.chmod(0o755)
    undo: list[Callable[[], object]] = []
    try:
        postgres = OwnPostgres(directory)
        servers = [postgres]
        undo.append(lambda: [server.end() for server in reversed(servers)])
        redis = OwnRedis(directory)
        undo.append(redis.stop)
        provider = Provider(seed, {**TROUBLE, **(mode or {})})
        provider.start(directory / "provider.log")
        undo.append(provider.stop)
        gateway = Gateway(directory, postgres.url, redis.url)
        pooler = _behind_pooler(gateway, directory, postgres, undo) if pooled else None
        if replica:
            servers.append(OwnPostgres(directory, follows=postgres))
            _with_replica(gateway, *servers)
        prepare(gateway)
        url = f"http://127.0.0.1:{provider.port}"
        gateway.install(configuration(directory, url, mixed_chain=True))
        undo.append(gateway.stop)
        gateway.start()
        storefront = Storefront(gateway.urls or [gateway.url], gateway.key, seed, total, mixed=mixed)
        people = People(
            url=gateway.url,
            api_key=gateway.key,
            connect=postgres.connect,
            ask=provider.ask,
            random=random.Random(seed),
        )
        people.start()
        undo.append(people.stop)
        chance = random.Random(seed)
        here = World(seed, total, directory, postgres, redis, provider, gateway, storefront, people, chance)
        here.servers, here.pooler = servers, pooler
        people.connect = here.connect
        if replica:
            here.lists = ListReader(
                urls=gateway.urls or [gateway.url], api_key=gateway.key, seed=seed, storefront=storefront
            )
            here.lists.start()
            undo.append(here.lists.stop)
        yield here
    finally:
        for step in reversed(undo):
            step()
        print(f"logs: {directory}" if keep else "", flush=True)
        if not keep:
            subprocess.run(["rm", "-rf", str(directory)], check=False)
