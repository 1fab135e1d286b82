"""Inserts many rows by one statement with one parameter.

Django's bulk_create prepares every value of every row by itself, which at the pipeline's pace costs more than the
database does. On PostgreSQL the rows go as one JSON text that the server takes apart.

Their ids order what happened, and hosts' clocks differ: so PostgreSQL makes them, by its own clock, at the INSERT. Who
does something because of a row has seen it committed, hence inserts later. An embedded SQLite has one host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

Row = dict[str, Any]  # a value for every column of the model but those that stay null

# PostgreSQL's text holds no NUL, and what a provider answered may.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
# A UUIDv7: 48 bits of milliseconds, 12 of a fraction in steps of 1/4 µs, 22 of the row's turn in its statement, chance.
_ID = """CAST(
    lpad(to_hex(now.us / 1000), 12, '0') || to_hex(x'7000'::int + mod(now.us, 1000) * 4)
    || to_hex(x'800000'::int + mod(fresh.turn, x'400000'::int)) || right(gen_random_uuid()::text, 10) AS uuid)"""
_NOW = "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us) AS now"


def insert_rows(model: type[models.Model], rows: Sequence[Row]) -> None:
    """Store the rows, each with an `id`. For models of plain columns: nothing encrypted, no signals."""
    if not rows:
        return
    text = _text(rows)
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create(model(**row) for row in json.loads(text))
        return
    with connection.cursor() as cursor:
        cursor.execute(_statement(model, tuple(rows[0])), [text])


def _text(rows: Sequence[Row]) -> str:
    plain = [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
        for row in rows
    ]
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), cls=DjangoJSONEncoder)
    if "\\u0000" in text:
        text = _NUL.sub(r"\1\\ufffd", text)
    return text.encode("utf-8", "replace").decode()  # lone surrogates become question marks


@cache
def _statement(model: type[models.Model], names: tuple[str, ...]) -> str:
    quote = connection.ops.quote_name
    fields = {field.name: field for field in model._meta.concrete_fields}
    typed = {quote(str(fields[name].column)): fields[name].db_type(connection) for name in names}
    columns, types = ", ".join(typed), ", ".join(f"{column} {kind}" for column, kind in typed.items())
    values = columns.replace(quote("id"), _ID, 1)
    table = quote(model._meta.db_table)
    return (
        f"INSERT INTO {table} ({columns}) SELECT {values} "  # noqa: S608 - names of our own models
        f"FROM ROWS FROM (json_to_recordset(%s::json) AS ({types})) WITH ORDINALITY AS fresh({columns}, turn), {_NOW}"
    )
