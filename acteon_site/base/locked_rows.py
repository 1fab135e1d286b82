"""Locks many rows of one table, in the order of their ids, and reads some of their columns with the lock.

On PostgreSQL by one prepared statement with one parameter, whatever the number of rows. SQLite locks all by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, models

from acteon_site.base.statements import execute


def rows_lock(
    model: type[models.Model], names: tuple[str, ...], ids: Collection[UUID]
) -> list[tuple[Any, ...]]:
    """These attributes of the rows, nothing of which is encrypted. Who is not there any more is left out."""
    if not ids:
        return []
    if connection.vendor != "postgresql":
        rows = model._default_manager.select_for_update().filter(pk__in=ids).order_by("pk")
        return list(rows.values_list(*names))
    return execute(_locking(model, names), [list(ids)])


@cache
def _locking(model: type[models.Model], names: tuple[str, ...]) -> str:
    quote = connection.ops.quote_name
    by_name = {field.attname: str(field.column) for field in model._meta.concrete_fields}
    columns = ", ".join(quote(by_name[name]) for name in names)
    table = quote(model._meta.db_table)
    return f"SELECT {columns} FROM {table} WHERE id = ANY(%s) ORDER BY id FOR UPDATE"  # noqa: S608 - names of our models
