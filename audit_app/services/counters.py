"""Totals since the beginning: added to by one statement, whatever the number of names."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection

from audit_app.models import Counter
from audit_app.records.totals import Key


def counters_add(*, amounts: Mapping[Key, int]) -> None:
    """Add to the totals by name and label. Rows are touched in key order, so two callers cannot deadlock."""
    added = sorted((name, label[:256], amount) for (name, label), amount in amounts.items() if amount)
    if not added:
        return
    table = connection.ops.quote_name(Counter._meta.db_table)
    rows = ", ".join(["(%s, %s, %s)"] * len(added))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (name, label, value) VALUES {rows} "  # noqa: S608 - our own table's name
            f"ON CONFLICT (name, label) DO UPDATE SET value = {table}.value + excluded.value",
            [value for row in added for value in row],
        )
