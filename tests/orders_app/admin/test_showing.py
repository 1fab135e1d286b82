"""How money, time, payloads and lifecycles are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from acteon_site.base.clock_text import span_text
from acteon_site.base.ids import new_id
from orders_app.admin.filters import first_id_at
from orders_app.admin.payloads import MOST_LINES, payload_rows
from orders_app.admin.picture import lifecycle_svg
from orders_app.lifecycles.spec import LifecycleSpec, parse_lifecycle


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (59.9, "59 s"),
        (75, "1 min 15 s"),
        (3600, "1 h"),
        (90_061, "1 d 1 h"),
        (86_460, "1 d"),
    ],
)
def test_spans_are_told_in_their_two_largest_units(seconds: float, words: str) -> None:
    assert span_text(seconds) == words


@pytest.mark.django_db
def test_payloads_become_rows_tables_and_code() -> None:
    payload = {
        "customer_email": "a@b.c",
        "gift": True,
        "note": None,
        "items": [{"sku": "A", "qty": 1}, {"sku": "B"}],
        "deep": {"a": [1, {"b": 2}]},
        "long": list(range(500)),
    }
    rows = {row.name: row for row in payload_rows(payload)}
    assert rows["customer_email"].label == "Customer email"
    assert (rows["gift"].text, rows["note"].text) == ("yes", "-")
    table = rows["items"].table
    assert table is not None
    assert (table.head, table.lines) == (["sku", "qty"], [["A", "1"], ["B", "-"]])
    assert '"b": 2' in rows["deep"].code
    assert len(rows["long"].code.splitlines()) == MOST_LINES + 1


def lifecycle(**changes: Any) -> LifecycleSpec:
    base = {
        "name": "life",
        "action_type": "place_order",
        "initial": "a",
        "states": ["a", "b", "c"],
        "transitions": [{"from": "a", "to": "b"}, {"from": "b", "to": "c"}],
    }
    spec, problems = parse_lifecycle(base | changes)
    assert spec, problems
    return spec


def test_a_lifecycle_is_drawn_with_its_present_state_marked() -> None:
    drawn = lifecycle_svg(lifecycle(terminal=["c"]), current="b", visited={"a", "b"})
    assert drawn.count("gw-current") == 1
    assert drawn.count("gw-been") == 1
    assert drawn.count('class="gw-edge') == 2
    assert "<title>life: now b</title>" in drawn


def test_loops_ways_back_and_timeouts_are_drawn_inside_the_picture() -> None:
    moves = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "c"), ("b", "b")]
    spec = lifecycle(
        transitions=[{"from": start, "to": end} for start, end in moves],
        timeouts=[{"state": "b", "after_seconds": 60, "to": "c"}],
    )
    drawn = lifecycle_svg(spec)
    assert drawn.count('class="gw-edge') == 5
    assert "b → c after 60 s by itself" in drawn


def test_no_name_of_a_state_becomes_markup() -> None:
    evil = '<script>"x"</script>'
    spec = lifecycle(states=["a", evil], transitions=[{"from": "a", "to": evil}])
    assert "<script" not in lifecycle_svg(spec, current=evil)


def test_ids_of_a_moment_stand_between_those_before_and_after() -> None:
    before, after = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    assert first_id_at(before) < new_id() < first_id_at(after)
