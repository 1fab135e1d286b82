"""Database connections of this thread."""

from __future__ import annotations

from django.db import connections


def release_connections() -> None:
    """Give them back: whoever waits for something else holds none."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
