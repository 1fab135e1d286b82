"""One order's rows become those of others: what names the order is another, all else is the same."""

from __future__ import annotations

from bench.footprint import Column, Rows, inserts

ID, OTHER = "01890000-0000-7000-8000-000000000001", "01890000-0000-7000-8000-0000000000ff"
ORDERS = Rows(
    "orders",
    (
        Column("id", "uuid", True),
        Column("lifecycle", "uuid", False),
        Column("tenant", "text", False),
        Column("name", "text", True),
        Column("number", "bigint", True),
        Column("key", "text", True),
        Column("at", "timestamp with time zone", False),
        Column("ended", "text", False),
        Column("expires_at", "timestamp with time zone", False),
    ),
    (
        (
            ID,
            OTHER,
            "shop-1",
            "ord-footprint",
            "7",
            "gate:" + "ab" * 32,
            "2026-01-01 12:00:00+00",
            None,
            "2026-01-01 12:05:00+00",
        ),
    ),
)


def values(**how: object) -> list[str]:
    (statement,) = inserts([ORDERS], "generate_series(1, 9)", **how)  # type: ignore[arg-type]
    assert statement.startswith("INSERT INTO orders (id, lifecycle, tenant,")
    begin, _, rows = statement.partition(" CROSS JOIN LATERAL (VALUES ")
    assert begin.endswith(" SELECT copy.* FROM generate_series(1, 9) AS n")
    return rows.removesuffix(") AS copy").split("::")


def test_what_names_the_order_depends_on_its_number() -> None:
    text = "::".join(values())
    assert f"'{OTHER}'" in text
    assert f"'{ID}'" not in text
    assert "'shop-' || n % 200" in text
    assert "replace('ord-footprint', 'ord-footprint', 'ord-' || n)" in text
    assert "n * 64 + 0" in text
    assert f"replace('gate:{'ab' * 32}', '{'ab' * 32}', substr(repeat(md5(" in text
    assert "'2026-01-01 12:00:00+00'" in text
    assert "NULL" in text


def test_times_are_shifted_where_that_is_asked_for() -> None:
    assert "'2026-01-01 12:00:00+00'::timestamptz + n * interval '1 s'" in "::".join(
        values(shifted="n * interval '1 s'")
    )


def test_nothing_expires_while_it_is_measured() -> None:
    assert "'2026-01-01 12:05:00+00'::timestamptz + interval '1 day'" in "::".join(
        values(shifted="n * interval '1 s'")
    )


def test_pgbench_sees_no_variable() -> None:
    text = "::".join(values(escape=True))
    assert "'gate' || ':' || '" in text
    assert "12:00" not in text
