"""How large the database is, who is connected to it, and which disks can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection


@dataclass(frozen=True, slots=True)
class ConnectionCounts:
    """Of the whole server, by state ("active", "idle", "idle in transaction"), and how many it takes at most."""

    by_state: Mapping[str, int]
    most: int


def database_bytes() -> int:
    """Of a PostgreSQL database with all its tables and indexes; of SQLite the file and its log."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    name = str(connection.settings_dict["NAME"])
    return sum(path.stat().st_size for path in (Path(name), Path(f"{name}-wal")) if path.is_file())


def connection_counts() -> ConnectionCounts | None:
    """None of SQLite, which has no server."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(state, 'unknown'), count(*), current_setting('max_connections')::int"
            " FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1"
        )
        rows = cursor.fetchall()
    return ConnectionCounts({state: count for state, count, _ in rows}, rows[0][2])


def disk_paths() -> list[Path]:
    """The folder of the embedded mode, and that of a database that is a file."""
    var = settings.BASE_DIR / "var"
    paths = [var if var.is_dir() else Path(settings.BASE_DIR)]
    name = str(settings.DATABASES["default"]["NAME"])
    if connection.vendor == "sqlite" and Path(name).parent.is_dir() and Path(name).parent != paths[0]:
        paths.append(Path(name).parent)
    return paths
