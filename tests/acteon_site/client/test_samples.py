"""The guide's 15 sample orders and their Expected Outcomes table."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from acteon_site.client.errors import ClientError
from acteon_site.client.samples import SAMPLE_ORDERS, is_open, sample_orders

OPEN = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)  # Tuesday, 11:00 in New York
CLOSED = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)


def test_by_the_demo_clock_the_samples_are_the_guides_table() -> None:
    rows = Counter((sample.category, sample.expected) for sample in sample_orders(SAMPLE_ORDERS, "r1"))
    assert rows == {
        ("standard", "Executed"): 3,
        ("high-value", "PendingApproval"): 2,
        ("sanctioned", "Suppressed"): 2,
        ("duplicate", "Executed"): 1,
        ("duplicate", "Deduplicated"): 1,
        ("rapid-fire", "Executed"): 3,
        ("after-hours", "Scheduled"): 3,
    }


def test_each_run_places_orders_of_its_own() -> None:
    def ids(run: str) -> set[Any]:
        return {
            key
            for sample in sample_orders(SAMPLE_ORDERS, run)
            for key in (sample.action["id"], sample.action["dedup_key"], sample.action["payload"]["order_id"])
        }

    assert not ids("a") & ids("b")


def test_the_orders_can_be_another_merchants() -> None:
    samples = sample_orders(SAMPLE_ORDERS, "r1", scope={"tenant": "other-store"})
    assert {(s.action["namespace"], s.action["tenant"]) for s in samples} == {("ecommerce", "other-store")}


def test_the_real_clock_sends_no_demo_time_and_expects_what_the_hour_gives() -> None:
    with time_machine.travel(OPEN, tick=False):
        expected = Counter(sample.expected for sample in sample_orders(SAMPLE_ORDERS, "r1", real_clock=True))
        assert expected == {"Executed": 10, "PendingApproval": 2, "Suppressed": 2, "Deduplicated": 1}
    with time_machine.travel(CLOSED, tick=False):
        samples = sample_orders(SAMPLE_ORDERS, "r1", real_clock=True)
        assert Counter(s.expected for s in samples) == {
            "Scheduled": 11,
            "PendingApproval": 2,
            "Suppressed": 2,
        }
        assert {sample.demo_now for sample in samples} == {None}


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-03-10T12:59:59+00:00", False),  # 8:59:59 in New York, summer time
        ("2026-03-10T13:00:00+00:00", True),
        ("2026-03-10T20:59:59+00:00", True),
        ("2026-03-10T21:00:00+00:00", False),
        ("2026-01-13T13:59:59+00:00", False),  # winter time
        ("2026-01-13T14:00:00+00:00", True),
        ("2026-03-14T15:00:00+00:00", False),  # a Saturday
    ],
)
def test_the_shop_is_open_from_nine_to_five_in_new_york(moment: str, open_: bool) -> None:
    assert is_open(datetime.fromisoformat(moment)) is open_


@pytest.mark.parametrize("content", [None, "orders: []", "sample_orders: {orders: [{label: x}]}", "a: [", ""])
def test_a_file_of_another_form_is_refused_by_name(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "orders.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ClientError, match=r"orders\.yaml"):
        sample_orders(path, "r1")
