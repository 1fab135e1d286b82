"""PostgreSQL's statements for sets of rows: each has one JSON parameter, is planned once, and travels together.

Django writes values into the text of a statement, which is then long, parsed and planned anew each time. A statement
with a parameter of its own is prepared by the server at its first use. Where a pooler between us and the server knows
no prepared statements, ACTEON_DB_PREPARE=false says so (docs/operations.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, connections
from django.db.backends.utils import debug_transaction

from acteon_site.base.connections import after_a_breath

if TYPE_CHECKING:
    from psycopg import Pipeline, RawCursor

Row = Mapping[str, Any]
# PostgreSQL's text holds no NUL, and what a provider answered may.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def execute(sql: str, parameters: Sequence[Any], *, reads: bool = True) -> list[tuple[Any, ...]]:
    """Run a statement in the current transaction and give its rows, where it `reads` any. On PostgreSQL only."""
    if _is_watched():
        with connection.cursor() as counted:
            counted.execute(sql, parameters)
            return counted.fetchall() if reads else []
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    with connection.wrap_database_errors, _raw_cursor() as cursor:
        cursor.execute(_numbered(sql), parameters, prepare=settings.DATABASE_PREPARES)
        return cursor.fetchall() if reads else []


@contextmanager
def pipelined() -> Iterator[None]:
    """Around one transaction: statements are sent without waiting for the ones before, until a result is read.

    BEGIN travels with the first statement, and COMMIT with the last; an error of the last is raised by the commit.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block or not settings.DATABASE_PREPARES:
        yield
        return
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        connection.connection.pipeline() as pipeline,
        _begun_without_waiting(pipeline),
    ):
        yield


@contextmanager
def _begun_without_waiting(pipeline: Pipeline) -> Iterator[None]:
    """BEGIN and COMMIT are statements like the others, and only the COMMIT is waited for.

    Django begins by turning psycopg's autocommit off, and on again at the end; in a pipeline psycopg waits for the
    server at both, and once more for the BEGIN that it then sends. That is how it knows whether there is a transaction
    to be committed. Here it does not, so its own `commit`, which does nothing where there is none, must not be asked.
    """
    django: Any = connections[connection.alias]
    driver = django.connection
    if not driver.autocommit or driver.isolation_level is not None:
        yield
        return
    turn = django._set_autocommit

    def begin_or_ended(autocommit: bool) -> None:
        if not autocommit:
            _send(b"BEGIN")
        elif not django.connection.autocommit:  # one that was made anew meanwhile
            turn(True)

    def commit() -> None:
        with debug_transaction(connection, "COMMIT"), connection.wrap_database_errors:
            _send(b"COMMIT")
            if django.connection is driver:
                pipeline.sync()  # raises what went wrong with any of them

    django._set_autocommit, django._commit = begin_or_ended, commit
    try:
        yield
    finally:
        del django._set_autocommit, django._commit


def _send(sql: bytes) -> None:
    with connection.wrap_database_errors, _raw_cursor() as cursor:
        cursor.execute(sql)


def execute_in_turn(statements: Sequence[tuple[str, Sequence[Any]]]) -> list[tuple[Any, ...]]:
    """The rows of the last, as `execute` gives them; in a pipeline all are sent before anything is read."""
    *before, (last, asked) = statements
    if _is_watched():
        for sql, parameters in before:
            execute(sql, parameters, reads=False)
        return execute(last, asked)
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors, ExitStack() as opened:
        cursors = [opened.enter_context(_raw_cursor()) for _ in statements]
        for cursor, (sql, parameters) in zip(cursors, statements, strict=True):
            cursor.execute(_numbered(sql), parameters, prepare=settings.DATABASE_PREPARES)
        return cursors[-1].fetchall()


def _raw_cursor() -> RawCursor[Any]:
    from psycopg import RawCursor  # here: on SQLite nobody needs it, and to import it takes a while

    return RawCursor(connection.connection)


@lru_cache(maxsize=256)
def _numbered(sql: str) -> bytes:
    """With the server's own marks of parameters: $1 in place of the first %s, which psycopg would seek at each use."""
    first, *others = sql.split("%s")
    return (first + "".join(f"${number}{text}" for number, text in enumerate(others, 1))).encode()


def _is_watched() -> bool:
    """Whether somebody counts statements: then they go by Django's own way. Large requests only breathe between them,
    and never inside a transaction."""
    return connection.queries_logged or any(one is not after_a_breath for one in connection.execute_wrappers)


def json_text(rows: Sequence[Row] | Sequence[str]) -> str:
    """The rows as one text that PostgreSQL can store: NUL becomes U+FFFD, lone surrogates question marks."""
    try:
        text = msgspec.json.encode(rows, enc_hook=_plain).decode()
    except UnicodeEncodeError:
        text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"), default=_plain)
        text = text.encode("utf-8", "replace").decode()
    return _NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text


def _plain(value: object) -> Any:
    """What the encoders do not know. msgspec knows no subclasses of text, json no times and ids."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return DjangoJSONEncoder().default(value)


class Writes:
    """Statements that write, and go to the server as one: what they do is seen together, in no order among them."""

    def __init__(self) -> None:
        self._parts: list[tuple[str, Any]] = []
        # What was encrypted, by the object's identity: an action and its run keep the same one.
        self.encrypted: dict[int, tuple[Any, str]] = {}

    def add(self, sql: str, parameter: Any) -> None:
        """A data-modifying statement with one parameter, which returns nothing."""
        self._parts.append((sql, parameter))

    def execute(self) -> None:
        """Inside the transaction. Nothing is left to write afterwards."""
        parts, self._parts, self.encrypted = self._parts, [], {}
        if not parts:
            return
        *others, (last, _) = parts
        named = ", ".join(f"w{number} AS ({sql})" for number, (sql, _) in enumerate(others))
        sql = f"WITH {named} {last}" if named else last
        execute(sql, [parameter for _, parameter in parts], reads=False)
