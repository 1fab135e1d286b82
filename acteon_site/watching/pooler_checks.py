"""System checks that ask the database: what stands between us and PostgreSQL, and whether it fits the settings.

They run with `manage.py migrate` and with `manage.py check --database default`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import Error as DatabaseProblem
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from acteon_site.watching.checks import INSTALLATION

if TYPE_CHECKING:
    import psycopg

# Two clients that are served by one server process by turns: so a pooler gives servers out by transaction.
CLIENTS = 3
NEVER = 1000  # times that a statement is sent before it is prepared without being asked to
HINT = "Set ACTEON_DB_PREPARE=false, or use PgBouncer 1.21 or newer with max_prepared_statements above 0."


@register(INSTALLATION)
def replica_is_a_server(**_: Any) -> list[CheckMessage]:
    """Without asking it: a replica that is away stops nothing."""
    databases = settings.DATABASES
    if "replica" not in databases:
        return []
    if any(not databases[name]["ENGINE"].endswith("postgresql") for name in ("default", "replica")):
        hint = "Set DATABASE_URL and DATABASE_REPLICA_URL to postgres://…, or leave the latter out."
        return [Error("DATABASE_REPLICA_URL needs PostgreSQL on both sides.", hint, id="acteon.E015")]
    return []


@register(Tags.database)
def pooler_knows_prepared_statements(
    *, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """A pooler in transaction mode that passes prepared statements on as they are breaks the second one."""
    asked = [name for name in databases or () if connections[name].vendor == "postgresql"]
    if not settings.DATABASE_PREPARES:
        return []
    return [_error(name) for name in asked if name != "replica" and _breaks(connections[name])]


def _error(name: str) -> CheckMessage:
    message = f"A pooler in transaction mode before {name!r} knows no prepared statements."
    return Error(message, HINT, id="acteon.E016")


def _breaks(server: BaseDatabaseWrapper) -> bool:
    import psycopg  # here: on SQLite nobody needs it

    try:
        with ExitStack() as opened:
            clients = [opened.enter_context(_connect(server)) for _ in range(CLIENTS)]
            return _is_pooled(clients[0]) and _passes_on(clients[0]) and _shares(clients)
    except (DatabaseProblem, psycopg.Error):
        return False  # whoever asked has other trouble, and hears of it


def _connect(server: BaseDatabaseWrapper) -> psycopg.Connection[Any]:
    import psycopg  # here: as above

    given = {name: value for name, value in server.get_connection_params().items() if name != "pool"}
    return psycopg.Connection.connect(
        **{**given, "prepare_threshold": NEVER, "cursor_factory": psycopg.Cursor}, autocommit=True
    )


def _backend(client: psycopg.Connection[Any]) -> int:
    return int(client.execute("SELECT pg_backend_pid()").fetchone()[0])  # type: ignore[index]


def _is_pooled(client: psycopg.Connection[Any]) -> bool:
    """A pooler tells clients a process id of its own making."""
    return client.info.backend_pid != _backend(client)


def _passes_on(client: psycopg.Connection[Any]) -> bool:
    """The server knows the statement by our name for it: the pooler has not made it its own."""
    with client.transaction():
        client.execute("SELECT 1", prepare=True)
        names = client.execute("SELECT name FROM pg_prepared_statements").fetchall()
        client.execute("DEALLOCATE ALL")
    return any(str(name).startswith("_pg3_") for (name,) in names)


def _shares(clients: Sequence[psycopg.Connection[Any]]) -> bool:
    return len({_backend(client) for client in clients}) < len(clients)
