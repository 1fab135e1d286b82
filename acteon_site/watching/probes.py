"""Whether database, replica, broker and workers answer now: what health, status and doctor ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import Error as DatabaseProblem
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from acteon_site.base.clock import db_now
from acteon_site.base.replica import replica_state
from acteon_site.models import Heartbeat

# The canary task is sent every five seconds; one that finished this lately shows broker and worker at work.
WORKER_SECONDS = 30
CHECK_SECONDS = 2
REMEMBERED_SECONDS = 1.0


class Remembered:
    """One probe's answer, good or bad, for all who ask within a second: a probe connects, and asking needs no key."""

    def __init__(self, probe: Callable[[], str]) -> None:
        self._probe = probe
        self._lock = threading.Lock()
        self._answer, self._until = "", 0.0

    def now(self) -> str:
        with self._lock:
            if time.monotonic() >= self._until:
                self._answer = self._probe()
                self._until = time.monotonic() + REMEMBERED_SECONDS
            return self._answer

    def forget(self) -> None:
        with self._lock:
            self._until = 0.0


def _database() -> str:
    probe = _probe()
    try:
        with probe.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseProblem:
        return "does not answer"
    finally:
        if probe is not connection:
            probe.close()
    return "ok"


database_state = Remembered(_database)


def _replica() -> str:
    try:
        return replica_state().problem or "ok"
    except DatabaseProblem:
        return "unknown"


replica_answer = Remembered(_replica)


def _probe() -> BaseDatabaseWrapper:
    """A connection of its own: whoever waits for the pool's waits longer than a check may take."""
    if connection.vendor != "postgresql":
        return connection
    probe = connection.copy(alias="probe")
    own = {name: value for name, value in probe.settings_dict["OPTIONS"].items() if name != "pool"}
    limits = {"connect_timeout": CHECK_SECONDS, "tcp_user_timeout": CHECK_SECONDS * 1000}
    probe.settings_dict["OPTIONS"] = own | limits
    return probe


def broker_state() -> str:
    if not settings.REDIS_URL:
        return "ok"  # in this process
    import redis

    try:
        redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=CHECK_SECONDS, socket_connect_timeout=CHECK_SECONDS
        ).ping()
    except redis.RedisError:
        return "does not answer"
    return "ok"


def worker_state() -> str:
    try:
        beat = Heartbeat.objects.filter(name="worker").first()
        if beat is None:
            return "no worker has finished a task yet"
        silent = (db_now() - beat.at).total_seconds()
    except DatabaseProblem:
        return "unknown"
    return "ok" if silent < WORKER_SECONDS else f"no task finished for {int(silent)} s"
