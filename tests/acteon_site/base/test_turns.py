"""Turns: a bounded number at once, and none of many who ask shuts another out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from acteon_site.base.turns import BusyError, Turns

LONG = 60.0


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(10) as threads:
        yield threads


def waits_for(turns: Turns, name: str, pool: ThreadPoolExecutor, order: list[str]) -> Future[None]:
    """A thread that waits for a turn by the time this returns."""
    waiting = threading.Event()

    def run() -> None:
        with turns.turn(name, before_waiting=waiting.set):
            order.append(name)

    future = pool.submit(run)
    assert waiting.wait(LONG)
    return future


def test_a_name_takes_no_more_than_its_share_while_others_pass() -> None:
    turns = Turns(at_once=2, each=1, waiting=0, seconds=LONG)
    with turns.turn("loud"):
        with pytest.raises(BusyError), turns.turn("loud"):
            pass
        with turns.turn("quiet"), pytest.raises(BusyError), turns.turn("third"):
            pass
    with turns.turn("loud"), turns.turn("third"):
        pass


def test_who_waits_in_vain_is_told_so_and_leaves_no_trace() -> None:
    turns = Turns(at_once=1, each=1, waiting=1, seconds=0.01)
    for _ in range(3):
        with turns.turn("a"), pytest.raises(BusyError), turns.turn("b"):
            pass
    with turns.turn("b"):
        pass
    assert (dict(turns._running), dict(turns._queues)) == ({}, {})


def test_names_take_turns_however_many_of_one_wait(pool: ThreadPoolExecutor) -> None:
    turns = Turns(at_once=1, each=1, waiting=5, seconds=LONG)
    order: list[str] = []
    with turns.turn("loud"):
        futures = [waits_for(turns, name, pool, order) for name in ("loud", "loud", "loud", "quiet")]
    for future in futures:
        future.result(LONG)
    assert order == ["loud", "quiet", "loud", "loud"]


def test_only_so_many_of_a_name_wait_and_the_next_is_refused_at_once(pool: ThreadPoolExecutor) -> None:
    turns = Turns(at_once=1, each=1, waiting=2, seconds=LONG)
    order: list[str] = []
    with ExitStack() as held:
        held.enter_context(turns.turn("first"))
        futures = [waits_for(turns, "loud", pool, order) for _ in range(2)]
        with pytest.raises(BusyError), turns.turn("loud"):
            pass
        futures.append(waits_for(turns, "quiet", pool, order))
    for future in futures:
        future.result(LONG)
    assert sorted(order) == ["loud", "loud", "quiet"]


def test_a_turn_that_fails_is_given_back() -> None:
    turns = Turns(at_once=1, each=1, waiting=0, seconds=LONG)
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"), turns.turn("a"):
            raise ValueError("broken")
