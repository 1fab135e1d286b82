"""The database's clock. Windows, expiry, due times and leases of all processes are measured by it."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection
from django.utils import timezone


def db_now() -> datetime:
    """Now, by the database. An embedded SQLite database runs by this process's own clock."""
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM always answers one row
    now: datetime = row[0]
    return now.astimezone(UTC)


def stored_time(value: datetime | str) -> datetime:
    """A moment that raw SQL has read, in UTC: SQLite hands its text back."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
