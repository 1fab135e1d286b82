"""What 1, 2 and 4 web and worker processes carry on this machine, and what an order costs each part of it.

    python -m bench.scaling                            # a table, and a JSON file under var/bench: about ten minutes
    python -m bench.scaling --docs                     # the table in docs/scaling.md is this run's from then on
    python -m bench.scaling --save-docs var/bench/scaling-….json        # only write it there

PostgreSQL (fsync on), Redis and a provider of its own; load by wrk, on the same cores. Where the cores are fewer than
the processes, rates say little of larger machines: processor time, log and storage by order do.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.__main__ import machine
from bench.answering import provider
from bench.checkouts import checked_out
from bench.gateway import ROOT
from bench.load import Load, put
from bench.processor import seconds_of
from bench.rows import chains, database
from bench.services import OwnPooler, OwnPostgres, OwnRedis, has_pooler
from bench.shop import order
from bench.site import Running, Site

DOCS = ROOT / "docs" / "scaling.md"
BEGIN, END = "<!-- scaling: begin -->", "<!-- scaling: end -->"
BETWEEN = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.S)
CONNECTIONS = 64
CALL_SECONDS = 0.1
DAY = 86_400
RATE, GATEWAY, SERVER, WAL, STORED = "a second", "gateway ms", "PostgreSQL ms", "log KB", "stored KB"
REDIS = "Redis commands"
TRAIL_ROWS = "trail rows"
RELAY_LINE = "relay: audit rows and events numbered and sealed"
# What the relay has to number of an order, from its dispatch to its end.
TRAIL = """
    WITH ended AS (SELECT action_id FROM chains_app_run WHERE chain_name = %s AND status = 'completed' LIMIT 200)
    SELECT ((SELECT count(*) FROM audit_app_auditrecord JOIN ended USING (action_id))
          + (SELECT count(*) FROM audit_app_event JOIN ended USING (action_id)))::float / nullif(count(*), 0)
    FROM ended
"""
RELAY = """
import time, django
django.setup()
from audit_app.services.relay import relay
done, began = 0, time.perf_counter()
while rows := relay():
    done += rows
print(done / (time.perf_counter() - began))
"""
HEADINGS = ("what", "processes", RATE, "p50 ms", "p99 ms", GATEWAY, SERVER, WAL, STORED, REDIS)


@dataclass
class Line:
    """Medians of rounds; processor time, log and storage are by order."""

    what: str
    processes: int
    rounds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self.rounds.setdefault(name, []).append(value)

    def figure(self, name: str) -> float | None:
        return statistics.median(self.rounds[name]) if self.rounds.get(name) else None

    def cells(self) -> list[str]:
        shown = [_shown(self.figure(name)) for name in HEADINGS[2:]]
        return [self.what, str(self.processes or "-"), *shown]


@dataclass
class Meter:
    """What was spent between two looks, by order."""

    running: Running
    postgres: OwnPostgres
    redis: OwnRedis

    def look(self) -> tuple[float, ...]:
        with self.running.connect() as connection:
            row = connection.execute(
                "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float,"
                " pg_database_size(current_database())::float"
            ).fetchone()
        assert row is not None
        ours = seconds_of(*(part.pid for part in self.running.gateway.parts.values()))
        commands = self.redis.client().info("stats")["total_commands_processed"]
        return ours, seconds_of(self.postgres.pid), row[0] / 1024, row[1] / 1024, float(commands)

    def spent(self, before: tuple[float, ...], orders: float) -> dict[str, float]:
        ours, server, wal, stored, commands = (
            now - then for now, then in zip(self.look(), before, strict=True)
        )
        return {
            GATEWAY: 1000 * ours / orders,
            SERVER: 1000 * server / orders,
            WAL: wal / orders,
            STORED: stored / orders,
            REDIS: commands / orders,
        }


@dataclass
class Bench:
    site: Site
    postgres: OwnPostgres
    redis: OwnRedis
    directory: Path
    seconds: float

    def accepting(self, processes: int, *, pooled: bool = False) -> dict[str, float]:
        """Orders one by one, without workers."""
        with self._pooler(pooled) as pooler:
            port = pooler.port if pooler else None
            env = {"ACTEON_DB_PREPARE": str(pooler.prepares).lower()} if pooler else {}
            with self.site.running(web=processes, database_port=port, env=env) as running:
                load = Load(CONNECTIONS, order())
                put(load, running.url, running.key, 1)
                meter = Meter(running, self.postgres, self.redis)
                before = meter.look()
                heard = put(load, running.url, running.key, self.seconds)
                if heard.errors:
                    raise RuntimeError(f"{heard.errors} errors: {heard.sample}")
                rates = {RATE: heard.good / heard.seconds, "p50 ms": heard.p50_ms, "p99 ms": heard.p99_ms}
                return rates | meter.spent(before, heard.good)

    @contextmanager
    def _pooler(self, pooled: bool) -> Iterator[OwnPooler | None]:
        if not pooled:
            yield None
            return
        pooler = OwnPooler(self.directory, self.postgres)
        try:
            yield pooler
        finally:
            pooler.stop()

    def completing(self, processes: int) -> dict[str, float]:
        """Chains of four calls of 100 ms that wait already."""
        waiting = self.site.prepared("waiting", partial(chains.fill, orders=chains.WAITING))
        with self.site.running(web=0, on=waiting) as running, running.connect() as connection:
            running.provider.delay("*", CALL_SECONDS)
            self.site.start_workers(running, processes)
            chains.wait_begun(connection)
            time.sleep(chains.SETTLE_SECONDS)
            meter = Meter(running, self.postgres, self.redis)
            before, began = meter.look(), time.monotonic()
            measured = chains.throughput(connection, chains.CHAIN, self.seconds)
            rate = measured.figures["chains/s"]
            found = {RATE: rate} | meter.spent(before, rate * (time.monotonic() - began) or 1)
            row = connection.execute(TRAIL, [chains.CHAIN]).fetchone()
            return found | {TRAIL_ROWS: float(row[0] or 0) if row else 0.0}

    def relaying(self) -> dict[str, float]:
        """Audit rows and events that wait are numbered and sealed: by one relay, since two would pass by each other."""
        waiting = self.site.prepared("waiting", partial(chains.fill, orders=chains.WAITING))
        with self.site.running(web=0, on=waiting) as running:
            running.gateway.env["DJANGO_SETTINGS_MODULE"] = "acteon_site.settings"
            return {RATE: float(running.gateway.run("-c", RELAY).split()[-1])}

    def limit(self) -> dict[str, float]:
        """The rows of accepted orders, 64 in a transaction, by pgbench alone."""
        return {RATE: database.limit(self.site, self.seconds).figures["orders/s, 64 a transaction"]}


def main(arguments: Sequence[str] | None = None) -> int:
    given = _arguments(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is stopped
    if given.save_docs:
        _write_docs(json.loads(given.save_docs.read_text()))
        return 0
    with tempfile.TemporaryDirectory(prefix="acteon-scaling-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        with _installed(directory, given.seconds) as bench:
            head = _headline(bench, given)
            lines = _measured(bench, given)
    result = {"headline": head, "lines": [vars(line) for line in lines]}
    target = ROOT / "var" / "bench" / f"scaling-{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(_markdown(result), f"saved as {target}", sep="\n")
    if given.docs:
        _write_docs(result)
    return 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--processes", default="1,2,4", help="numbers with commas; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement")
    parser.add_argument("--docs", action="store_true", help="put the table into docs/scaling.md, too")
    parser.add_argument("--save-docs", type=Path, metavar="JSON", help="only put a saved result there")
    return parser.parse_args(arguments)


@contextmanager
def _installed(directory: Path, seconds: float) -> Iterator[Bench]:
    postgres, redis = OwnPostgres(directory), OwnRedis(directory)
    try:
        with (
            checked_out("new", str(ROOT), directory) as checkout,
            provider(directory / "provider.log") as answering,
        ):
            site = Site(checkout, directory / "new", postgres, redis, answering)
            site.install()
            yield Bench(site, postgres, redis, directory, seconds)
    finally:
        redis.stop()
        postgres.end()


def _measured(bench: Bench, given: argparse.Namespace) -> list[Line]:
    numbers = [int(number) for number in given.processes.split(",")]
    asked: list[tuple[Line, Callable[[], dict[str, float]]]] = []
    for number in numbers:
        asked.append((Line("web: orders accepted", number), partial(bench.accepting, number)))
    if has_pooler():
        asked.append((Line("web: the same behind PgBouncer", 2), partial(bench.accepting, 2, pooled=True)))
    for number in numbers:
        asked.append((Line("worker: chains completed", number), partial(bench.completing, number)))
    asked.append((Line(RELAY_LINE, 1), bench.relaying))
    asked.append((Line("PostgreSQL alone: an order's rows, 64 a transaction", 0), bench.limit))
    for number in range(1, given.rounds + 1):
        for line, measure in asked:
            line.add(measure())
            print(f"round {number}, {' | '.join(line.cells())}", flush=True)
    return [line for line, _ in asked]


def _headline(bench: Bench, given: argparse.Namespace) -> str:
    about = machine(bench.site.server_version())
    return (
        f"{time.strftime('%Y-%m-%d')}: commit {bench.site.checkout.commit}; medians of {given.rounds} rounds of"
        f" {given.seconds:g} s; {about['cores']} cores ({about['processor']}), shared by load, gateway and PostgreSQL"
        f" {about['postgresql']}; load {about['load']} before."
    )


def _markdown(result: dict[str, Any]) -> str:
    lines = [Line(**line) for line in result["lines"]]
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(line.cells() for line in lines)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return f"{result['headline']}\n\n{table}\n\n" + "".join(f"- {line}\n" for line in _arithmetic(lines))


def _arithmetic(lines: Sequence[Line]) -> Iterator[str]:
    """What follows from the figures, with the sums written out."""
    web = _largest(lines, "web: orders accepted")
    worker = _largest(lines, "worker: chains completed")
    if web is None or worker is None:
        return
    server = [line.figure(SERVER) or 0 for line in (web, worker)]
    ours = [line.figure(GATEWAY) or 0 for line in (web, worker)]
    yield _cores("PostgreSQL", server)
    yield _cores("The gateway's own processes", ours)
    yield from _relayed(lines, worker)
    wal = sum(line.figure(WAL) or 0 for line in (web, worker))
    stored = sum(line.figure(STORED) or 0 for line in (web, worker))
    yield (
        f"A million orders a day are {1e6 / DAY:.1f} a second on average, and leave"
        f" {wal * 1e6 / 2**20:,.0f} GB of log (what a replica receives) and {stored * 1e6 / 2**20:,.0f} GB of tables"
        f" and indexes a day: {wal:.1f} and {stored:.1f} KB an order."
    )


def _relayed(lines: Sequence[Line], worker: Line) -> Iterator[str]:
    relay = _largest(lines, RELAY_LINE)
    rate, rows = relay.figure(RATE) if relay else None, worker.figure(TRAIL_ROWS)
    if rate and rows:
        yield (
            f"The one relay: {rate:,.0f} rows a second / {rows:.1f} rows of an order (audit and events) ="
            f" {rate / rows:,.0f} orders a second; beyond it the stream and the seals fall behind, orders do not."
        )


def _cores(who: str, costs: Sequence[float]) -> str:
    total = sum(costs) or 1.0
    rate = 1000 / total
    return (
        f"{who}: {costs[0]:.2f} ms to accept an order + {costs[1]:.2f} ms to complete its chain = {total:.2f} ms of a"
        f" core; 1,000 / {total:.2f} = {rate:,.0f} orders a second, {rate * DAY / 1e6:,.1f} million a day, for each"
        " core that is busy all the time."
    )


def _largest(lines: Sequence[Line], what: str) -> Line | None:
    """With as many processes as there are cores: more of them only take turns."""
    found = [line for line in lines if line.what == what and line.processes <= (os.cpu_count() or 1)]
    return max(found, key=lambda line: line.processes, default=None)


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _write_docs(result: dict[str, Any]) -> None:
    text = DOCS.read_text()
    if not BETWEEN.search(text):
        raise SystemExit(f"no {BEGIN} … {END} in {DOCS.name}")
    DOCS.write_text(BETWEEN.sub(lambda _: f"{BEGIN}\n{_markdown(result)}{END}", text))
    print(f"docs/{DOCS.name} has the table")


if __name__ == "__main__":
    sys.exit(main())
