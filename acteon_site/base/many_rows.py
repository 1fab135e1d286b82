"""Writes many rows of one table by one statement with one parameter.

Django prepares every value of every row by itself, which at the pace of orders costs more than the database does. On
PostgreSQL the rows go as one JSON text that the server takes apart; SQLite has no round trips to save, and gets them
row by row (sqlite_rows.py). What a field encrypts is encrypted by the field's own preparation on both.

With `writes` the rows are written when those are executed, else at once. No signals are sent.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection, models

from acteon_site.base import sqlite_rows
from acteon_site.base.connections import in_breaths_with_locks
from acteon_site.base.fields import EncryptedJSONField
from acteon_site.base.ids import new_id
from acteon_site.base.sqlite_rows import all_names, columns_of, field_named, key_name, quoted
from acteon_site.base.statements import Row, Writes, json_text

# A UUIDv7: 48 bits of milliseconds, 12 of a fraction in steps of 1/4 µs, 22 of the row's turn in its statement, chance.
_ID = """CAST(
    lpad(to_hex(now.us / 1000), 12, '0') || to_hex(x'7000'::int + mod(now.us, 1000) * 4)
    || to_hex(x'800000'::int + mod(fresh.turn, x'400000'::int)) || right(gen_random_uuid()::text, 10) AS uuid)"""
_NOW = "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us) AS now"


def rows_insert(rows: Sequence[models.Model], writes: Writes | None = None) -> None:
    """Insert rows of one model."""
    if not rows:
        return
    model = type(rows[0])
    if connection.vendor != "postgresql":
        sqlite_rows.insert(model, all_names(model), [row.__dict__ for row in rows])
        _are_stored(rows)
        return
    names = all_names(model)
    _write(_insert(model, names), rows, names, writes)
    _are_stored(rows)


def _are_stored(rows: Sequence[models.Model]) -> None:
    alias = connection.alias
    for row in rows:
        row._state.adding, row._state.db = False, alias


def rows_insert_in_order(
    model: type[models.Model], rows: Sequence[Row], writes: Writes | None = None
) -> None:
    """Insert rows whose ids order what happened, each given as the same columns without its id; nothing is encrypted.

    Hosts' clocks differ: so PostgreSQL makes the ids, by its own clock, at the INSERT. Who does something because of
    a row has seen it committed, hence inserts later. An embedded SQLite has one host, whose clock makes them here.
    """
    if not rows:
        return
    if connection.vendor != "postgresql":
        identified = [{"id": new_id(), **row} for row in rows]
        sqlite_rows.insert(model, tuple(identified[0]), json.loads(json_text(identified)))
        return
    own = writes or Writes()
    own.add(_insert_in_order(model, tuple(rows[0])), json_text(rows))
    if writes is None:
        own.execute()


def rows_upsert(rows: Sequence[models.Model], changed: Sequence[str], writes: Writes | None = None) -> None:
    """Insert rows of one model; of those that exist already these fields are changed. In the order of the rows."""
    if not rows:
        return
    model = type(rows[0])
    if connection.vendor != "postgresql":
        sqlite_rows.upsert(model, tuple(changed), rows)
        _are_stored(rows)
        return
    names = all_names(model)
    _write(_upsert(model, names, tuple(changed)), rows, names, writes)


def rows_update(rows: Sequence[models.Model], changed: Sequence[str], writes: Writes | None = None) -> None:
    """Change these fields of rows of one model that the caller has locked."""
    if not rows:
        return
    model = type(rows[0])
    if connection.vendor != "postgresql":
        sqlite_rows.update(model, tuple(changed), rows)
        return
    names = (key_name(model), *changed)
    _write(_update(model, names), rows, names, writes)


def _write(
    statement: str, rows: Sequence[models.Model], names: tuple[str, ...], writes: Writes | None
) -> None:
    own = writes or Writes()
    plain, encrypted = _plan(type(rows[0]), names)
    values = []
    for row in in_breaths_with_locks(rows):
        held = row.__dict__
        content = {column: held[name] for column, name in plain}
        for column, field in encrypted:
            content[column] = _encrypted(field, held[field.attname], own)
        values.append(content)
    own.add(statement, json_text(values))
    if writes is None:
        own.execute()


def _encrypted(field: EncryptedJSONField, value: Any, writes: Writes) -> str | None:
    if value is None:
        return None
    known = writes.encrypted.get(id(value))
    if known is None:
        text = "\\x" + bytes(field.get_db_prep_save(value, connection).obj).hex()
        known = writes.encrypted[id(value)] = (value, text)
    return known[1]


@cache
def _plan(
    model: type[models.Model], names: tuple[str, ...]
) -> tuple[list[tuple[str, str]], list[tuple[str, EncryptedJSONField]]]:
    """Columns with the attributes that they are taken from, and those of the fields that encrypt."""
    fields = [field_named(model, name) for name in names]
    encrypted = [(str(field.column), field) for field in fields if isinstance(field, EncryptedJSONField)]
    plain = [field for field in fields if not isinstance(field, EncryptedJSONField)]
    return [(str(field.column), field.attname) for field in plain], encrypted


@cache
def _insert(model: type[models.Model], names: tuple[str, ...]) -> str:
    columns = ", ".join(columns_of(model, names))
    return (
        f"INSERT INTO {quoted(model._meta.db_table)} ({columns}) "  # noqa: S608 - names of our own models
        f"SELECT {columns} FROM {_recordset(model, names)}"
    )


@cache
def _insert_in_order(model: type[models.Model], names: tuple[str, ...]) -> str:
    columns = ", ".join(columns_of(model, names))
    types = ", ".join(_types(model, names))
    return (
        f"INSERT INTO {quoted(model._meta.db_table)} (id, {columns}) "  # noqa: S608 - names of our own models
        f"SELECT {_ID}, {columns} FROM ROWS FROM (json_to_recordset(%s::json) AS ({types})) "
        f"WITH ORDINALITY AS fresh({columns}, turn), {_NOW}"
    )


@cache
def _upsert(model: type[models.Model], names: tuple[str, ...], changed: tuple[str, ...]) -> str:
    table, columns = quoted(model._meta.db_table), columns_of(model, names)
    sets = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns_of(model, changed))
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns)} "  # noqa: S608 - names of our models
        f"FROM {_recordset(model, names)} ON CONFLICT (id) DO UPDATE SET {sets}"
    )


@cache
def _update(model: type[models.Model], names: tuple[str, ...]) -> str:
    """By the first of the names, and by its index: of a join by equality the planner makes a hash and reads the whole
    table, as long as it takes that for small."""
    table = quoted(model._meta.db_table)
    key, *changed = columns_of(model, names)
    sets = ", ".join(f"{column} = fresh.{column}" for column in changed)
    return (
        f"UPDATE {table} AS kept SET {sets} "  # noqa: S608 - names of our own models
        f"FROM {_recordset(model, names)} WHERE kept.{key} = ANY(ARRAY[fresh.{key}])"
    )


def _recordset(model: type[models.Model], names: tuple[str, ...]) -> str:
    return f"json_to_recordset(%s::json) AS fresh({', '.join(_types(model, names))})"


def _types(model: type[models.Model], names: tuple[str, ...]) -> list[str]:
    typed = zip(columns_of(model, names), names, strict=True)
    return [f"{column} {field_named(model, name).db_type(connection)}" for column, name in typed]
