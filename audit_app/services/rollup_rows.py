"""Adds to rows of sums, and inserts those that are not there, by one statement for all of a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, models

from audit_app.models import Rollup, RollupTime

NAMES = ("kind", "namespace", "tenant", "provider", "action_type", "outcome", "label")
_COLUMNS: Mapping[type[models.Model], tuple[str, ...]] = {
    Rollup: ("id", "grain", "at", *NAMES, "currency", "count", "amount"),
    RollupTime: ("id", "grain", "at", *NAMES, "duration_class", "count", "micros", "classes"),
}
_TYPES = {
    "id": "uuid",
    "kind": "smallint",
    "grain": "integer",
    "at": "bigint",
    "duration_class": "smallint",
    "count": "bigint",
    "amount": "numeric",
    "micros": "numeric",
    "classes": "jsonb",
}
_MERGED = {
    "postgresql": """(
        SELECT jsonb_object_agg(class, n) FROM (
            SELECT class, SUM(held::bigint) AS n FROM (
                SELECT * FROM jsonb_each_text(audit_app_rolluptime.classes)
                UNION ALL SELECT * FROM jsonb_each_text(excluded.classes)
            ) AS of_both (class, held) GROUP BY class
        ) AS merged)""",
    "sqlite": """(
        SELECT json_group_object(key, n) FROM (
            SELECT key, SUM(value) AS n FROM (
                SELECT key, value FROM json_each(audit_app_rolluptime.classes)
                UNION ALL SELECT key, value FROM json_each(excluded.classes)
            ) GROUP BY key
        ))""",
}


def rows_add(model: type[models.Model], rows: Iterable[list[Any]]) -> None:
    """Rows in the order of the model's columns. They are taken in one order, so that two cannot deadlock.

    It is that in which they are asked for: what is added together then lies together, and a question that reads 15,000
    rows of a month reads hundreds of pages for them, and not ten thousand.
    """
    ordered = sorted(rows, key=_place)
    if not ordered:
        return
    names = _COLUMNS[model]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Numbers as texts: a sum may be larger than JSON's readers agree on.
            content = json.dumps([dict(zip(names, row, strict=True)) for row in ordered])
        else:
            content = json.dumps(ordered)
        cursor.execute(_statement(model), [content])


def _place(row: list[Any]) -> tuple[Any, ...]:
    key, grain, at, kind, *_ = row
    return kind, grain, at, key


def _statement(model: type[models.Model]) -> str:
    table, names = model._meta.db_table, _COLUMNS[model]
    columns = ", ".join(names)
    if connection.vendor == "postgresql":
        types = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in names)
        source = f"json_to_recordset(%s::json) AS fresh({types})"
    else:
        values = ", ".join(f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(names))
        # WHERE: without it SQLite takes ON CONFLICT for one of a join.
        source = f"(SELECT {values} FROM json_each(%s)) WHERE true"  # noqa: S608 - our own names
    into = f"INSERT INTO {table} ({columns})"
    return f"{into} SELECT {columns} FROM {source} ON CONFLICT (id) DO UPDATE SET {_adding(model)}"  # noqa: S608


def _adding(model: type[models.Model]) -> str:
    table = model._meta.db_table
    sums = [name for name in ("count", "amount", "micros") if name in _COLUMNS[model]]
    adding = [f"{name} = {table}.{name} + excluded.{name}" for name in sums]
    if "classes" in _COLUMNS[model]:
        adding.append(f"classes = {_MERGED[connection.vendor]}")
    return ", ".join(adding)
