"""The rows that one order leaves in a checkout's own tables, and the statement that makes them again for other orders.

They are read after an order that was really dispatched, so they are right for any checkout. In a copy, what names the
order is another: its id, the UUIDs of its rows, and what unique indexes hold. What an order updates is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from bench.shop import SHOPS, order
from bench.site import Running

NAME = "footprint"
ORDER_ID = f"ord-{NAME}"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
KEYS = """
    SELECT DISTINCT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
    WHERE indrelid = %s::regclass AND indisunique
"""
HEXADECIMAL = re.compile(r"[0-9a-f]{32,128}")
SHARED = ("audit_app_counter",)  # rows of all orders together, of which one may be the first
LATER = "interval '1 day'"  # what expires does so when all has been measured
NUMBERS_AN_ORDER = 64  # that a unique column of numbers has room for
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    key: bool  # in a unique index


@dataclass(frozen=True)
class Rows:
    """Of one table, each value as PostgreSQL's text of it."""

    table: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str | None, ...], ...]


def taken(running: Running, finish: Callable[[], None] = lambda: None) -> list[Rows]:
    """What an order leaves once `finish` has returned."""
    with running.connect() as connection, running.client() as client:
        horizon = connection.execute("SELECT txid_snapshot_xmax(txid_current_snapshot())").fetchone()
        assert horizon is not None
        before = {table: _count(connection, table) for (table,) in connection.execute(TABLES)}
        client.post("/v1/dispatch", json=order(NAME, 1)).raise_for_status()
        finish()
        grown = [
            table
            for table, count in before.items()
            if table not in SHARED and _count(connection, table) > count
        ]
        return [_rows(connection, table, horizon[0]) for table in grown]


def inserts(footprint: Sequence[Rows], numbers: str, shifted: str = "", escape: bool = False) -> list[str]:
    """A statement for each table. `numbers` is a series, `n`, of orders, each of whose rows lie together.

    `shifted`: what is added to times. `escape` for pgbench, which takes `:name` for a variable wherever it stands.
    """
    making = Making(_own_ids(footprint), shifted, escape)
    return [
        f"INSERT INTO {found.table} ({', '.join(column.name for column in found.columns)})"
        f" SELECT copy.* FROM {numbers} AS n CROSS JOIN LATERAL (VALUES {making.rows(found)}) AS copy"
        for found in footprint
    ]


@contextmanager
def indexes_later(connection: Connection, tables: Sequence[str]) -> Iterator[None]:
    """What is inserted inside is put into the tables' indexes afterwards, all at once; nothing is unique meanwhile."""
    connection.execute("SET allow_system_table_mods = on")
    unready = "UPDATE pg_index SET indisready = false, indisvalid = false WHERE indrelid = %s::regclass"
    for table in tables:
        connection.execute(unready, [table])
    yield
    for table in tables:
        connection.execute(sql.SQL("REINDEX TABLE {}").format(sql.Identifier(table)))


@dataclass(frozen=True)
class Making:
    """Values of copies, as expressions of n."""

    own_ids: dict[str, int]
    shifted: str
    escape: bool

    def rows(self, found: Rows) -> str:
        return ", ".join(f"({', '.join(self.values(found, place))})" for place in range(len(found.rows)))

    def values(self, found: Rows, place: int) -> list[str]:
        pairs = zip(found.columns, found.rows[place], strict=True)
        return [f"({self.value(column, value, place)})::{column.kind}" for column, value in pairs]

    def value(self, column: Column, value: str | None, place: int) -> str:
        if value is None:
            return "NULL"
        if value in self.own_ids:  # ordered by time, as ours are
            return f"(lpad(to_hex(n), 12, '0') || substr(md5('{self.own_ids[value]}-' || n), 1, 20))::uuid"
        if column.name == "tenant":
            return f"'shop-' || n % {SHOPS}"
        if column.key and column.kind in ("bigint", "integer"):
            return f"n * {NUMBERS_AN_ORDER} + {place}"
        literal = self.literal(value)
        if ORDER_ID in value:
            return f"replace({literal}, '{ORDER_ID}', 'ord-' || n)"
        if column.key and (hashed := HEXADECIMAL.search(value)):
            fresh = f"substr(repeat(md5({literal} || n), 4), 1, {len(hashed[0])})"
            return f"replace({literal}, '{hashed[0]}', {fresh})"
        if self.shifted and column.kind.startswith("timestamp"):
            shifted = LATER if "expire" in column.name else self.shifted
            return f"{literal}::timestamptz + {shifted}"
        return literal

    def literal(self, value: str) -> str:
        parts = value.split(":") if self.escape else [value]
        return " || ':' || ".join(sql.Literal(part).as_string(None) for part in parts)


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])


def _rows(connection: Connection, table: str, horizon: int) -> Rows:
    keys = {name for (name,) in connection.execute(KEYS, [table])}
    described = connection.execute(COLUMNS, [table]).fetchall()
    columns = tuple(Column(name, kind, name in keys) for name, kind in described)
    chosen = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column.name)) for column in columns)
    query = sql.SQL("SELECT {} FROM {} WHERE xmin::text::bigint >= %s")
    found = connection.execute(query.format(chosen, sql.Identifier(table)), [horizon]).fetchall()
    return Rows(table, columns, tuple(found))


def _own_ids(footprint: Sequence[Rows]) -> dict[str, int]:
    """The UUIDs of the order's own rows, which other columns refer to."""
    ids = [
        value
        for found in footprint
        for row in found.rows
        for column, value in zip(found.columns, row, strict=True)
        if column.kind == "uuid" and column.name == "id" and value
    ]
    return {value: number for number, value in enumerate(dict.fromkeys(ids))}
