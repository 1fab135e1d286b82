"""The proof by faults can fail: each sentence of the books is found where it is not true, and only there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bench.books import OrderRow, StepRow, books_of, broken
from bench.mixed import effects

RUN = "01890000-0000-7000-8000-000000000001"
ORDER = "ord-1"
Entry = tuple[str, str, str, str]


def step(name: str, status: str = "completed", undo: str = "", *, unknown: bool = False) -> StepRow:
    return StepRow(ORDER, "order-processing", RUN, name, status, undo, unknown)


def entry(name: str, *, undo: bool = False) -> Entry:
    """A line of a provider's ledger: (time, key, what was done, order)."""
    key = f"{RUN}:{name}" + (":compensate" if undo else "")
    effect = effects()[name]
    return ("0", key, effect.undo if undo else effect.action_type, ORDER)


COMPLETED = OrderRow(ORDER, "completed", True, None, (step("charge"), step("fulfill")))
REFUNDED = OrderRow(ORDER, "failed", False, None, (step("charge", undo="done"), step("fulfill", "failed")))
PAID = (entry("charge"), entry("fulfill"))


def found(order: OrderRow, *ledger: Entry) -> list[str]:
    return list(broken(order, books_of(ledger)))


@pytest.mark.parametrize(
    ("order", "ledger"),
    [
        (COMPLETED, PAID),
        (REFUNDED, (entry("charge"), entry("charge", undo=True))),
        (
            replace(COMPLETED, status="failed", living=True, steps=(step("charge", "failed", unknown=True),)),
            (),
        ),
        (replace(COMPLETED, status="processing", parked="unknown_outcome"), PAID[:1]),
    ],
)
def test_nothing_is_said_of_an_order_whose_books_agree(order: OrderRow, ledger: Sequence[Entry]) -> None:
    assert found(order, *ledger) == []


@pytest.mark.parametrize(
    ("order", "ledger", "sentence"),
    [
        (COMPLETED, (*PAID, entry("charge")), "an effect twice"),
        (COMPLETED, PAID[1:], "completed without charge"),
        (COMPLETED, PAID[1:], "charge is completed"),
        (REFUNDED, (entry("charge"),), "failed with an effect that stands"),
        (REFUNDED, (entry("charge"),), "freed with an effect that stands"),
        (REFUNDED, (entry("charge", undo=True),), "undone what was not done"),
        (replace(REFUNDED, living=True), (entry("charge"), entry("charge", undo=True)), "held for a doubt"),
        (replace(COMPLETED, status="processing"), PAID, "neither ended nor waiting for a person"),
    ],
)
def test_books_that_do_not_agree_are_found(order: OrderRow, ledger: Sequence[Entry], sentence: str) -> None:
    assert any(sentence in one for one in found(order, *ledger))
