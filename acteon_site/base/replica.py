"""Lists are read from a streaming replica, where there is one, and never older than the primary would show them.

A read asks the primary how far its log is written, and waits until the replica has replayed so far: it sees all that
was committed before it began, by whomever, in whichever process. Where the replica needs longer than
ACTEON_REPLICA_LAG_SECONDS, or is away, the whole of it is read from the primary (docs/decisions/replica.md).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections, transaction
from django.db.models import Model

log = structlog.get_logger()
REPLICA = "replica"
# So long nobody asks a replica that has just failed a read; then one read tries it.
REST_SECONDS = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.02

P = ParamSpec("P")
T = TypeVar("T")

_reading: ContextVar[bool] = ContextVar("reads_from_the_replica", default=False)

_WRITTEN = "SELECT pg_current_wal_flush_lsn()"
# A server that follows no primary may have a history of its own, whatever its position says.
_REACHED = """SELECT pg_is_in_recovery(), EXISTS (SELECT FROM pg_stat_wal_receiver)
    AND pg_last_wal_replay_lsn() >= %s::pg_lsn"""
_BEHIND = """SELECT EXISTS (SELECT FROM pg_stat_wal_receiver),
    extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float"""


class NotAReplicaError(Exception):
    """The server that was reached is a primary: after a failover, or by the setting."""


class Router:
    """What is read inside `read_whole` comes from the replica, all else from the primary."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        # Inside a transaction something is decided or locked.
        return REPLICA if _reading.get() and not connection.in_atomic_block else DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db != REPLICA


class _Standing:
    """Whether this process may ask the replica: one that failed is left alone, and then tried by one read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rests_until = 0.0

    def may_ask(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._rests_until:
                return False
            if self._rests_until:
                # This read tries it, the others wait for what it finds.
                self._rests_until = now + REST_SECONDS
            return True

    def told(self, *, well: bool) -> None:
        with self._lock:
            self._rests_until = 0.0 if well else time.monotonic() + REST_SECONDS


_standing = _Standing()


def is_set() -> bool:
    return REPLICA in connections


def read_whole(page: Callable[[], T]) -> T:
    """What `page` answers, all of it read from one database. Without effects: it may be asked a second time."""
    if not is_set() or connection.in_atomic_block or _reading.get() or not _standing.may_ask():
        return page()
    reached = False
    try:
        position = _written()
        # In one transaction: behind a pooler too, the server that was asked is the one that is read.
        with transaction.atomic(using=REPLICA):
            if reached := _waits_for(position):
                with _reads(replica=True):
                    return page()
    except (OperationalError, InterfaceError) as error:
        reached = False
        log.warning("replica_failed", error=type(error).__name__)
    except NotAReplicaError:
        _connect_anew()
    finally:
        _standing.told(well=reached)
    return page()


def reads_replica(get: Callable[P, T]) -> Callable[P, T]:
    """A method that answers a list: see `read_whole`."""

    @wraps(get)
    def whole(*args: P.args, **kwargs: P.kwargs) -> T:
        return read_whole(lambda: get(*args, **kwargs))

    return whole


@contextmanager
def _reads(*, replica: bool) -> Iterator[None]:
    token = _reading.set(replica)
    try:
        yield
    finally:
        _reading.reset(token)


def from_primary() -> AbstractContextManager[None]:
    """For what outlives the read, as a cache does."""
    return _reads(replica=False)


def _written() -> str:
    """How far the primary's log is safe, and with it each commit that somebody was told of."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITTEN)
        return str(cursor.fetchone()[0])


def _waits_for(position: str) -> bool:
    """Whether the replica has replayed so far, within its time."""
    deadline, pause = time.monotonic() + settings.REPLICA_LAG_SECONDS, FIRST_PAUSE
    with connections[REPLICA].cursor() as cursor:
        while True:
            cursor.execute(_REACHED, [position])
            is_replica, reached = cursor.fetchone()
            if not is_replica:
                raise NotAReplicaError
            if reached:
                return True
            if time.monotonic() + pause > deadline:
                return False
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _connect_anew() -> None:
    """The setting may name several servers: of connections that are kept, each would stay where it is."""
    server: Any = connections[REPLICA]
    server.close()
    with suppress(KeyError):  # another thread was first
        server.close_pool()


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """`problem` is empty where lists are read from it; `lag_seconds` is None where nobody knows."""

    problem: str
    lag_seconds: float | None


def replica_state() -> ReplicaState:
    """As a read finds it now. Raises what the primary raises where that is away."""
    position, began = _written(), time.monotonic()
    try:
        if _waits_for(position):
            return ReplicaState("", time.monotonic() - began)
        with connections[REPLICA].cursor() as cursor:
            cursor.execute(_BEHIND)
            return _behind(*cursor.fetchone())
    except (OperationalError, InterfaceError):
        return ReplicaState("does not answer", None)
    except NotAReplicaError:
        _connect_anew()
        return ReplicaState("is no replica", None)


def _behind(receives: bool, seconds: float | None) -> ReplicaState:
    """By the times of commits: exact to five seconds, as something (the canary) is committed so often."""
    if not receives:
        return ReplicaState("receives nothing from the primary", seconds)
    return ReplicaState(f"is {seconds or 0:.1f} s behind", seconds)
