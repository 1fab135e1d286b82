"""Rows whose text begins with another, by an index on both databases."""

from __future__ import annotations

from django.db import connection
from django.db.models import Q

_LAST = "\U0010ffff"


def begins_with(field: str, text: str) -> Q:
    """PostgreSQL needs an index with `varchar_pattern_ops`; SQLite's LIKE ignores case, and so its indexes."""
    if connection.vendor == "postgresql":
        return Q((f"{field}__startswith", text))
    return Q((f"{field}__gte", text), (f"{field}__lt", text + _LAST))
