"""All rows, in the order of the table. A new one is a function in a module beside this, and a line here."""

from __future__ import annotations

from functools import partial

from bench.rows import accepting, big, chains, database, hanging, listeners, release, rules
from bench.rows.row import CannotDo, Measured, Row

__all__ = ["ROWS", "CannotDo", "Measured", "Row", "chosen"]

TABLE: tuple[Row, ...] = (
    Row(
        "dispatch16",
        "an order a request, 16 connections",
        partial(accepting.dispatched, connections=16),
        "x8",
    ),
    Row(
        "dispatch64",
        "the same, 64 connections",
        partial(accepting.dispatched, connections=64),
        "x12 of the baseline's dispatch16; p99 ≤ 3 p50",
        against="dispatch16",
    ),
    Row(
        "dispatch16_key",
        "16 connections, each order with an Idempotency-Key",
        partial(accepting.dispatched, connections=16, keyed=True),
        "0.8 of dispatch16",
        beside="dispatch16",
    ),
    Row("bare16", "a bare action that logs, 16 connections", partial(accepting.bare, connections=16), "x10"),
    Row("bare64", "the same, 64 connections", partial(accepting.bare, connections=64), "x15"),
    Row("one", "an order a request, one connection", accepting.one, "p50 ≤ 5 ms"),
    Row("batch100", "batches of 100, 4 connections", partial(accepting.batches, size=100), "2,500 orders/s"),
    Row(
        "chains_instant",
        "chains of four calls, providers at once, two worker processes",
        partial(chains.completed, answer_seconds=0),
        "300/s",
    ),
    Row(
        "chains_100ms",
        "the same, providers that take 100 ms",
        partial(chains.completed, answer_seconds=0.1),
        "100/s",
    ),
    Row("chains_1s", "the same, 1 s", partial(chains.completed, answer_seconds=1), "80/s"),
    Row(
        "hanging",
        "chains (100 ms) while one provider of five hangs for its 10 s, an order in ten wants it",
        hanging.beside,
        "0.9 is left",
    ),
    Row(
        "rules1000",
        "1,000 enabled rules against 10, one connection",
        rules.many,
        "request x1.1, decision x2 of 10 rules'",
    ),
    Row(
        "listeners",
        "1,000 listeners, 500 orders/s in batches of 25",
        listeners.told,
        "p95 < 1 s; ≤ 250 MB, ≤ 150 MB without",
    ),
    Row("release", "10,000 scheduled orders due at once", release.all_at_once, "≤ 60 s, p95 ≤ x2 of before"),
    Row(
        "big",
        "1,000,000 orders and runs and all that they leave against 10,000",
        big.grown,
        "x1.1 of that at 10,000",
        long=True,
    ),
    Row("database", "PostgreSQL's own limit: an order's rows by pgbench, 16 clients", database.limit),
)
ROWS = {row.name: row for row in TABLE}


def chosen(names: str) -> list[Row]:
    """`names` with commas between them, or `default` or `all`."""
    if names in ("default", "all"):
        return [row for row in TABLE if names == "all" or not row.long]
    unknown = [name for name in names.split(",") if name not in ROWS]
    if unknown:
        raise SystemExit(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return [ROWS[name] for name in names.split(",")]
