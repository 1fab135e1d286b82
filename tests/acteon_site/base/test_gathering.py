"""Gathering: what arrives while a set is under way stands in the next one."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteon_site.base.gathering import Gatherer, OverloadedError


class Held:
    """Work that stops at a gate, and notes its sets."""

    def __init__(self) -> None:
        self.sets: list[list[str]] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)

    def __call__(self, things: Sequence[str]) -> list[str]:
        self.sets.append(list(things))
        self.entered.release()
        self.gate.acquire(timeout=60)
        return [thing.upper() for thing in things]

    def go_on(self, sets: int = 1) -> None:
        for _ in range(sets):
            self.gate.release()

    def begun(self) -> None:
        assert self.entered.acquire(timeout=60)


def gatherer(work: Held, **more: float) -> Gatherer[str, str]:
    given = {"at_most": 4, "waiting": 10, "of_one": 6, "lanes": 1, "patience": 60.0, "grace": 0.0} | more
    return Gatherer(work, name="test", **given)  # type: ignore[arg-type]


def results(futures: Sequence[Future[str]]) -> list[str]:
    return [future.result(60) for future in futures]


def test_what_finds_nobody_at_work_begins_at_once_and_alone() -> None:
    work = Held()
    first = gatherer(work).submit("a", share="one")
    work.begun()
    work.go_on()
    assert first.result(60) == "A"
    assert work.sets == [["a"]]


def test_who_was_answered_and_comes_again_stands_in_one_set_with_those_who_waited() -> None:
    work = Held()
    gathered = gatherer(work, grace=60.0)
    futures = [gathered.submit("a", share="one")]
    work.begun()
    futures += [gathered.submit("b", share="one")]
    work.go_on()
    assert futures[0].result(60) == "A"
    futures += [gathered.submit("c", share="one")]
    work.go_on()
    assert results(futures) == list("ABC")
    assert work.sets == [["a"], ["b", "c"]]


def test_who_does_not_come_again_is_awaited_for_the_grace_only() -> None:
    work = Held()
    gathered = gatherer(work, grace=0.05)
    futures = [gathered.submit("a", share="one")]
    work.begun()
    futures += [gathered.submit("b", share="one")]
    ended = time.monotonic()
    work.go_on(2)
    assert results(futures) == ["A", "B"]
    assert time.monotonic() - ended >= 0.04
    assert work.sets == [["a"], ["b"]]


def test_what_is_free_again_goes_before_the_lane_that_stood_in_for_it() -> None:
    threads: list[str] = []
    gathered: Gatherer[str, str] = Gatherer(
        lambda things: threads.append(threading.current_thread().name) or list(things),  # type: ignore[func-returns-value]
        name="lane",
        at_most=4,
        waiting=10,
        of_one=10,
    )
    for name in "abcde":
        gathered.submit(name, share="x").result(60)
        time.sleep(0.01)
    assert threads == ["lane-0"] * 5


def test_what_comes_meanwhile_is_the_next_set_and_each_gets_its_own_result() -> None:
    work = Held()
    gathered = gatherer(work)
    futures = [gathered.submit("a", share="one")]
    work.begun()
    futures += [gathered.submit(name, share="one") for name in "bcdef"]
    work.go_on(3)
    assert results(futures) == list("ABCDEF")
    assert work.sets == [["a"], ["b", "c", "d", "e"], ["f"]]


def test_who_floods_gets_no_more_than_his_share_of_a_set() -> None:
    work = Held()
    gathered = gatherer(work)
    futures = [gathered.submit("first", share="x")]
    work.begun()
    futures += [gathered.submit(f"flood{number}", share="flood") for number in range(6)]
    futures += [gathered.submit(name, share=name) for name in ("one", "other")]
    work.go_on(3)
    results(futures)
    assert set(work.sets[1]) == {"flood0", "one", "other", "flood1"}


def test_two_that_must_not_meet_stand_in_different_sets_in_order() -> None:
    work = Held()
    gathered = gatherer(work)
    futures = [gathered.submit("first", share="x")]
    work.begun()
    futures += [
        gathered.submit(name, share="x", alone=key) for name, key in (("a", "k"), ("b", "k"), ("c", "l"))
    ]
    work.go_on(3)
    results(futures)
    assert work.sets == [["first"], ["a", "c"], ["b"]]


def test_where_too_much_waits_one_more_is_refused_at_once_and_others_are_not() -> None:
    work = Held()
    gathered = gatherer(work)
    futures = [gathered.submit("first", share="x")]
    work.begun()
    futures += [gathered.submit("flood", share="flood") for _ in range(6)]
    with pytest.raises(OverloadedError):
        gathered.submit("flood", share="flood")
    futures += [gathered.submit("other", share="other") for _ in range(4)]
    with pytest.raises(OverloadedError):
        gathered.submit("another", share="another")
    work.go_on(5)
    results(futures)
    later = gathered.submit("later", share="flood")
    work.go_on()
    assert later.result(60) == "LATER"


def test_a_set_that_hangs_holds_the_next_one_up_for_the_patience_only() -> None:
    work = Held()
    gathered = gatherer(work, lanes=2, patience=0.05)
    stuck = gathered.submit("stuck", share="x")
    work.begun()
    began = time.monotonic()
    futures = [gathered.submit(name, share="x") for name in "ab"]
    work.begun()
    assert time.monotonic() - began >= 0.04
    assert work.sets == [["stuck"], ["a", "b"]]
    work.go_on(2)
    assert results([stuck, *futures]) == ["STUCK", "A", "B"]


def test_the_error_of_a_set_is_everybodys_and_the_next_set_goes_on() -> None:
    def work(things: Sequence[str]) -> list[str]:
        if "bad" in things:
            raise ValueError("bad")
        return list(things)

    gathered: Gatherer[str, str] = Gatherer(work, name="test", at_most=4, waiting=10, of_one=10)
    with pytest.raises(ValueError, match="bad"):
        gathered.submit("bad", share="x").result(60)
    assert gathered.submit("good", share="x").result(60) == "good"


def test_what_is_called_off_before_its_set_begins_is_dropped_and_harms_no_other() -> None:
    work = Held()
    gathered = gatherer(work)
    futures = [gathered.submit("a", share="one")]
    work.begun()
    gone, only = gathered.submit("b", share="one"), gathered.submit("c", share="one")
    assert gone.cancel()
    assert not futures[0].cancel()
    work.go_on(2)
    assert results([*futures, only]) == ["A", "C"]
    assert work.sets == [["a"], ["c"]]


Thing = tuple[int, str, str]  # its number, whose it is, and what it must not meet
sets: list[list[Thing]] = []


def numbers(batch: Sequence[Thing]) -> list[int]:
    sets.append(list(batch))
    return [number for number, _, _ in batch]


# One for all examples: its threads stay.
shared: Gatherer[Thing, int] = Gatherer(
    numbers, name="shared", at_most=5, waiting=100, of_one=100, lanes=2, patience=0.0
)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "", "k", "l"])), max_size=60))
def test_whatever_comes_is_finished_once_and_in_lawful_sets(arrivals: list[tuple[str, str]]) -> None:
    sets.clear()
    futures = [
        shared.submit((number, share, alone), share=share, alone=alone)
        for number, (share, alone) in enumerate(arrivals)
    ]
    assert [future.result(60) for future in futures] == list(range(len(arrivals)))
    assert Counter(number for one in sets for number, _, _ in one) == Counter(range(len(arrivals)))
    for one in sets:
        assert len(one) <= 5
        keys = [alone for _, _, alone in one if alone]
        assert len(keys) == len(set(keys))
        for share in "abc":  # nobody overtakes his own, but where one must wait for an equal key
            own = [number for number, whose, alone in one if whose == share and not alone]
            assert own == sorted(own)
