"""Writes rows of one table to SQLite: a statement made once for each set of columns, and executed for each row.

Each value is prepared by its own field, as the ORM does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection, models, transaction

Names = tuple[str, ...]


def insert(model: type[models.Model], names: Names, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows by the attributes of their columns."""
    _execute(_insert(model, names), model, names, rows)


def upsert(model: type[models.Model], changed: Names, rows: Sequence[models.Model]) -> None:
    names = all_names(model)
    _execute(_upsert(model, names, changed), model, names, [row.__dict__ for row in rows])


def update(model: type[models.Model], changed: Names, rows: Sequence[models.Model]) -> None:
    names = (*changed, key_name(model))
    _execute(_update(model, names), model, names, [row.__dict__ for row in rows])


def _execute(
    statement: str, model: type[models.Model], names: Names, rows: Iterable[Mapping[str, Any]]
) -> None:
    prepared = [(name, field_named(model, name).get_db_prep_save) for name in names]
    values = [[prepare(row[name], connection) for name, prepare in prepared] for row in rows]
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.executemany(statement, values)


@cache
def _insert(model: type[models.Model], names: Names) -> str:
    places = ", ".join("%s" for _ in names)
    return f"INSERT INTO {quoted(model._meta.db_table)} ({', '.join(columns_of(model, names))}) VALUES ({places})"  # noqa: S608 - names of our own models


@cache
def _upsert(model: type[models.Model], names: Names, changed: Names) -> str:
    sets = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns_of(model, changed))
    return f"{_insert(model, names)} ON CONFLICT (id) DO UPDATE SET {sets}"


@cache
def _update(model: type[models.Model], names: Names) -> str:
    """By the last of the names."""
    *changed, key = columns_of(model, names)
    sets = ", ".join(f"{column} = %s" for column in changed)
    return f"UPDATE {quoted(model._meta.db_table)} SET {sets} WHERE {key} = %s"  # noqa: S608 - names of our own models


@cache
def all_names(model: type[models.Model]) -> Names:
    """The attributes of all columns."""
    return tuple(field.attname for field in model._meta.concrete_fields)


@cache
def key_name(model: type[models.Model]) -> str:
    key = model._meta.pk
    assert key is not None  # noqa: S101 - it is no abstract one
    return key.attname


@cache
def field_named(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    """By the attribute of its column."""
    return {field.attname: field for field in model._meta.concrete_fields}[name]


def columns_of(model: type[models.Model], names: Iterable[str]) -> list[str]:
    return [quoted(str(field_named(model, name).column)) for name in names]


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)
