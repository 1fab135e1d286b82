"""Whether what the gateway stands on answers, fits and keeps time: the database, Redis, processes, disks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from acteon_site.base.clock import db_now
from acteon_site.base.findings import Finding, duration, fail, ok, warn
from acteon_site.base.replica import is_set, replica_state
from acteon_site.models import Heartbeat
from acteon_site.watching.probes import CHECK_SECONDS, WORKER_SECONDS, database_state
from acteon_site.watching.sizes import connection_counts, database_bytes, disk_paths

OLDEST_POSTGRESQL = 140_000
OLDEST_REDIS = 6
CLOCKS_WARN, CLOCKS_FAIL = 1.0, 10.0  # seconds
LONG_QUEUE = 1000
FREE_WARN, FREE_FAIL = 0.15, 0.05  # of a disk
QUEUES = ("orders", "sweeps")


def database() -> Iterator[Finding]:
    answer = database_state.now()
    if answer != "ok":
        yield fail(f"{connection.vendor} {answer}", "Start it, or mend DATABASE_URL; look at its log.")
        return
    if connection.vendor == "postgresql":
        version = int(connection.pg_version)  # type: ignore[attr-defined]
        shown = f"PostgreSQL {version // 10_000}.{version % 10_000}, {database_bytes() / 1e6:,.0f} MB"
        yield (
            ok(shown)
            if version >= OLDEST_POSTGRESQL
            else fail(f"{shown} is too old", "Upgrade it to 14 or newer.")
        )
    else:
        yield ok(f"SQLite, {database_bytes() / 1e6:,.1f} MB")


def migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = [
        f"{one.app_label}.{one.name}"
        for one, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())
    ]
    if missing:
        yield fail(f"{len(missing)} migrations are missing, {missing[0]} first", "Run `manage.py migrate`.")
    else:
        yield ok("the schema is that of this release")


def connections() -> Iterator[Finding]:
    counts = connection_counts()
    if counts is None:
        yield ok("SQLite has none to count")
        return
    used, most = sum(counts.by_state.values()), counts.most
    text = f"{used} of {most} connections are open"
    if used > 0.8 * most:
        yield warn(text, "Raise max_connections, lower ACTEON_DB_POOL_SIZE, or put a pooler between.")
    else:
        yield ok(text)


def clocks() -> Iterator[Finding]:
    """This process's clock, the database's and Redis' side by side. Leases and due times go by the database's."""
    began = datetime.now(UTC)
    there = {"the database": db_now()}
    redis = _redis()
    if redis is not None:
        seconds, micros = redis.time()
        there["Redis"] = datetime.fromtimestamp(seconds + micros / 1e6, UTC)
    here = began + (datetime.now(UTC) - began) / 2
    for name, moment in there.items():
        apart = abs((moment - here).total_seconds())
        text = f"{name}'s clock and this host's are {apart:.2f} s apart"
        if apart < CLOCKS_WARN:
            yield ok(text)
        else:
            todo = "Run NTP (chrony, systemd-timesyncd) on both hosts; `timedatectl` shows whether it is in step."
            yield (fail if apart >= CLOCKS_FAIL else warn)(text, todo)


def _redis() -> Any:
    if not settings.REDIS_URL:
        return None
    import redis

    waits = {"socket_timeout": CHECK_SECONDS, "socket_connect_timeout": CHECK_SECONDS}
    return redis.Redis.from_url(settings.REDIS_URL, **waits)


def broker() -> Iterator[Finding]:
    client = _redis()
    if client is None:
        yield ok("in this process (embedded mode)")
        return
    import redis

    try:
        version = str(client.info("server")["redis_version"])
        waiting = {name: int(client.llen(name)) for name in QUEUES}
    except redis.RedisError as error:
        todo = "Start it, or mend REDIS_URL. Orders are accepted meanwhile, and go on once it is back."
        yield fail(f"Redis does not answer: {type(error).__name__}", todo)
        return
    if int(version.partition(".")[0]) < OLDEST_REDIS:
        yield fail(f"Redis {version} is too old", "Upgrade it to 6 or newer.")
    total = sum(waiting.values())
    if total > LONG_QUEUE:
        yield warn(f"{total} messages wait in Redis", "Start more workers; see docs/scaling.md.")
    else:
        yield ok(f"Redis {version}, {total} messages wait")


def workers() -> Iterator[Finding]:
    """The canary: a task that the scheduler sends every five seconds and a worker finishes."""
    beat = Heartbeat.objects.filter(name="worker").first()
    todo = "Start a worker and the scheduler (docs/operations.md, Production) and look at their logs."
    if beat is None:
        yield fail("no worker has ever finished a task", todo)
        return
    silent = (db_now() - beat.at).total_seconds()
    if silent < WORKER_SECONDS:
        yield ok(f"a task of the scheduler was finished {duration(silent)} ago")
    else:
        yield fail(
            f"no worker has finished a task of the scheduler for {duration(silent)}",
            f"{todo}{_who_answers()}",
        )


def _who_answers() -> str:
    """Which of the two it is that is silent, as far as the broker knows."""
    if not settings.REDIS_URL:
        return ""
    from celery import current_app

    try:
        nodes = [name for answer in current_app.control.ping(timeout=1.5) or () for name in answer]
    except (
        Exception
    ):  # kombu's and redis' have no common one; a broker that does not answer has a finding of its own
        return ""
    return f" Of both, these answer now: {', '.join(sorted(nodes)) or 'none'}."


def disks() -> Iterator[Finding]:
    """The disks that this host can see: the folder of the embedded mode, and a database that is a file."""
    for path in disk_paths():
        usage = shutil.disk_usage(path)
        free = usage.free / usage.total
        text = f"{path}: {free:.0%} of {usage.total / 1e9:,.0f} GB are free"
        todo = "Delete or move what is not the gateway's, shorten retention, or enlarge the disk."
        if free >= FREE_WARN:
            yield ok(text)
        else:
            yield (fail if free < FREE_FAIL else warn)(text, todo)
    if connection.vendor == "postgresql":
        yield ok(
            "PostgreSQL's own disk cannot be seen from here",
            "Watch it on its host, for instance by node_exporter.",
        )


def replica() -> Iterator[Finding]:
    if not is_set():
        yield ok("none is set: lists are read from the primary")
        return
    state = replica_state()
    if state.problem:
        todo = (
            "Lists are read from the primary meanwhile. Look at pg_stat_wal_receiver there; docs/scaling.md."
        )
        yield warn(f"the replica {state.problem}", todo)
    else:
        yield ok(f"lists are read from it, {state.lag_seconds or 0:.2f} s behind")


def backup() -> Iterator[Finding]:
    """What can be seen of backups from inside: whether the server archives or streams its log at all."""
    todo = "docs/operations.md, Backup and restore: the database, and apart from it the keys. Restore one for a try."
    if connection.vendor != "postgresql":
        yield ok("SQLite: nothing can be seen of backups from here", todo)
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('archive_mode'), failed_count > 0 AND last_failed_time > "
            "coalesce(last_archived_time, '-infinity'::timestamptz), (SELECT count(*) FROM pg_stat_replication) "
            "FROM pg_stat_archiver"
        )
        mode, fails, streams = cursor.fetchone()
    if fails:
        yield fail(
            "PostgreSQL cannot archive its log: the last try failed", "Mend archive_command; look at its log."
        )
    elif mode == "off":
        shown = f"the log is not archived; {streams} servers stream it"
        yield ok(f"{shown}; dumps cannot be seen from here", todo)
    else:
        yield ok(f"the log is archived; {streams} servers stream it", todo)
