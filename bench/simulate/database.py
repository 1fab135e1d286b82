"""One SQLite in memory, a connection for each actor; whoever makes a statement gives way before it.

It is a file of a file system in memory: SQLite's own databases in memory let nobody read beside a writer. A seed begins
with a copy of a template. A writer holds the database as SQLite has it, from BEGIN IMMEDIATE to its COMMIT, and what he
has not committed nobody else sees; who wants to write meanwhile waits his turn in the scheduler, not in the library.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.sqlite3.base import FORMAT_QMARK_REGEX, DatabaseWrapper, SQLiteCursorWrapper

from bench.simulate.scheduler import Actor, Scheduler

MEMORY = Path("/dev/shm")
# Pages that are not committed stay in their connection's own memory, and nothing waits for a disk.
PRAGMAS = "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA cache_spill=OFF"
# In the header of a database file: by them a connection sees that its pages are old.
CHANGE_COUNTERS = (24, 92)
# Of a seed: each commit adds one to the counters, and no two states may have the same.
MOST_COMMITS = 10_000
READS = ("SELECT", "WITH", "PRAGMA", "SAVEPOINT", "RELEASE", "ROLLBACK")


class Cursor(SQLiteCursorWrapper):
    """Django's, which spells each statement as SQLite does every time that it is executed."""

    def convert_query(self, query: str, *, param_names: list[str] | None = None) -> str:
        return super().convert_query(query, param_names=param_names) if param_names else _spelt(query)


class Connection(DatabaseWrapper):
    """Of one actor at a time. `held` is that of whoever has it."""

    held: Held | None = None
    changes = 0  # that its connection had made when it began to write

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings, DEFAULT_DB_ALIAS)
        self.execute_wrappers.append(self._made)

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        return cursor

    def close(self) -> None:
        """It is kept for the next actor: connecting costs more than most of what is done with it."""
        self.run_on_commit = []

    def close_if_unusable_or_obsolete(self) -> None:
        """Memory neither breaks nor ages."""

    def _made(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        held = self.held
        if held is None:
            return execute(sql, params, many, context)
        held.scheduler.point(sql[:48])
        begins = sql.startswith("BEGIN")
        if begins or not (self.in_atomic_block or sql.lstrip().startswith(READS)):
            held.wait_for_writer()
        if begins:
            held.writer, self.changes = self, self.connection.total_changes
        return execute(sql, params, many, context)

    def _commit(self) -> None:
        if self.held is not None:
            self.held.scheduler.point("COMMIT")
        super()._commit()  # type: ignore[misc]
        if self.held is not None:
            self.held.committed(self)
            self.held.scheduler.point("committed")

    def _rollback(self) -> None:
        super()._rollback()  # type: ignore[misc]
        if self.held is not None:
            self.held.left(self)


@cache
def _spelt(query: str) -> str:
    return FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class Held:
    """The database under a scheduler: who writes, and who waits for that."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.writer: Connection | None = None
        self.commits = 0
        self._waiting: list[Actor] = []

    def wait_for_writer(self) -> None:
        while self.writer is not None:
            self.scheduler.wait(self._waiting, None)

    def committed(self, connection: Connection) -> None:
        if connection.connection.total_changes != connection.changes:
            self.commits += 1
        self.left(connection)

    def left(self, connection: Connection) -> None:
        if self.writer is connection:
            self.writer = None
            self.scheduler.wake(self._waiting)


def folder_in_memory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None, prefix="simulated-")


class Database:
    """Of this process; kept over all its seeds, since what is connected once need not be again."""

    def __init__(self, template: bytes, folder: str) -> None:
        """Its file is made in that folder, which whoever gives it clears away: see `folder_in_memory`."""
        self._template, self._changes = template, itertools.count(1)
        name = f"{folder}/{os.getpid()}.sqlite3"
        self._file = os.open(name, os.O_RDWR | os.O_CREAT)
        self._settings = connections[DEFAULT_DB_ALIAS].settings_dict | {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": name,
            "OPTIONS": {
                **{"transaction_mode": "IMMEDIATE", "timeout": 0, "init_command": PRAGMAS},
                "cached_statements": 1000,
            },
            "ATOMIC_REQUESTS": False,
            "AUTOCOMMIT": True,
        }
        self.observer = sqlite3.connect(name, isolation_level=None)
        for pragma in PRAGMAS.split(";"):
            self.observer.execute(pragma)
        self._free: list[Connection] = []
        self._looking = Connection(self._settings)

    @contextmanager
    def fresh(self) -> Iterator[None]:
        """A copy of the template; for whoever is no actor by a connection that never gives way.

        Connections are otherwise looked up by thread and context, which costs as much as a short statement.
        """
        self._put_back()
        with patch.object(connections, "_connections", SimpleNamespace()):
            self.look()
            yield

    def _put_back(self) -> None:
        """Write the file anew, as another program would that changed no schema: what is prepared stays prepared."""
        change = (next(self._changes) * MOST_COMMITS % 2**32).to_bytes(4, "big")
        os.pwrite(self._file, self._template, 0)
        os.ftruncate(self._file, len(self._template))
        for offset in CHANGE_COUNTERS:
            os.pwrite(self._file, change, offset)

    def look(self) -> None:
        connections[DEFAULT_DB_ALIAS] = self._looking

    def give(self, actor: Actor, held: Held) -> None:
        """The actor's own from here on; it goes on now."""
        if actor.database is None:
            actor.database = self._free.pop() if self._free else Connection(self._settings)
            actor.database.held = held
        connections[DEFAULT_DB_ALIAS] = actor.database

    @staticmethod
    def dies(actor: Actor) -> None:
        """What it has not committed was never there, before anything of it unwinds."""
        if actor.database is not None and actor.database.connection is not None:
            actor.database.connection.rollback()

    def take_back(self, actor: Actor) -> None:
        connection, actor.database = actor.database, None
        if connection is None:
            return
        connection.held.left(connection)
        connection.held = None
        if connection.in_atomic_block or connection.needs_rollback:  # it was never told of its end
            return
        connection.run_on_commit = []
        self._free.append(connection)
