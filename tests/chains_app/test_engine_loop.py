"""The engine's loop against a model: any order of rings, replies, lost leases, outages and crashes, from one seed.

The engine is the real one, driven round by round; the database is a dictionary with leases and records of calls, the
providers a list of calls in flight. After every event the invariants are checked, and at the end that all has ended.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from acteon_site.base.ids import new_id
from chains_app.services import engine_loop
from chains_app.services.engine_loop import Engine
from chains_app.services.fair_queue import FairQueue
from chains_app.services.leases import Lease
from chains_app.services.locks import Top
from chains_app.services.places import Place, Places, Room
from chains_app.services.turns import Turned, Work

PROVIDERS, MOST_CALLS, STEPS = "pqr", 3, 4
EVENTS = ("ring", "ring_for", "reply", "reply", "reply", "steal", "outage", "crash", "late", "pause")


@dataclass
class Row:
    """A run as the database has it: the steps to come, its lease, its open call, and whether it is due later only."""

    provider: str
    whose: tuple[str, str]
    left: int = STEPS
    token: UUID | None = None
    open: Any = None
    later: bool = False
    recorded: Counter[UUID] = field(default_factory=Counter)

    @property
    def free(self) -> bool:
        return bool(self.left) and self.token is None and not self.later


@dataclass
class World:
    random: random.Random
    rows: dict[UUID, Row] = field(default_factory=dict)
    flying: list[tuple[Any, Callable[..., None]]] = field(default_factory=list)
    begun: Counter[UUID] = field(default_factory=Counter)
    outages: int = 0

    # The database, as the engine sees it.

    def runs_due(self, limit: int, *, but: Collection[tuple[str, str]] = ()) -> list[UUID]:
        self.may_be_away()
        return [pk for pk, row in self.rows.items() if row.free and row.whose not in but][:limit]

    def leases_take(self, run_ids: Sequence[UUID], most: int) -> list[Lease]:
        self.may_be_away()
        leases = []
        for run_id in run_ids:
            row = self.rows.get(run_id)
            if row and row.free and len(leases) < most:
                row.token = new_id()
                leases.append(Lease(run_id, row.token, Top(run_id), whose=row.whose))
        return leases

    def runs_turn(self, work: Sequence[Work], room: Room | None) -> Turned:
        assert len({one.lease for one in work}) == len(work), "a lease twice in a set"
        turned, places = Turned(), Places(room)
        for one in work:
            if self.outages and self.random.random() < 0.5:
                self.outages -= 1
                if self.random.random() < 0.5:
                    self.turn(one, places)  # committed, and nobody was told
                turned.left.append(one)
            elif (begun := self.turn(one, places)) is not None:
                turned.begun.append(begun)
        return turned

    def turn(self, work: Work, places: Places) -> Work | None:
        row = self.rows[work.lease.run_id]
        if row.token != work.lease.token:
            return None
        if work.request is not None and work.request is row.open and work.reply is not None:
            number = row.open.number
            row.recorded[number] += 1
            assert row.recorded[number] == 1, "a reply recorded twice"
            row.open, row.left = None, row.left - 1
        if not row.left:
            row.token = None
            return None
        place = places.take(row.provider)
        if place is Place.NONE:
            row.token, row.later = None, True
            return None
        if place is Place.NEAR:
            return Work(work.lease, awaits=row.provider)
        call = SimpleNamespace(provider=row.provider)
        row.open = SimpleNamespace(call=call, run_id=work.lease.run_id, number=new_id())
        return Work(work.lease, row.open)

    def time_passes(self) -> None:
        for row in self.rows.values():
            row.later = False

    def may_be_away(self) -> None:
        if self.outages and self.random.random() < 0.3:
            self.outages -= 1
            raise OSError("away")

    # The providers.

    def start(self, request: Any, done: Callable[..., None]) -> None:
        self.begun[request.number] += 1
        assert self.begun[request.number] == 1, "a call made twice"
        assert self.rows[request.run_id].open is request, "a call that is not recorded as started"
        if self.random.random() < 0.3:
            done(request, "at once")
        else:
            self.flying.append((request, done))

    def free(self, provider: str) -> int:
        return MOST_CALLS - sum(request.call.provider == provider for request, _ in self.flying)


class SteppedEngine(Engine):
    """Without a thread of its own."""

    def _go_on(self) -> None:
        pass

    def settle(self) -> None:
        for _ in range(1000):
            if not self._has_work():
                return
            try:
                self._round()
            except OSError:
                continue
        raise AssertionError("it never comes to rest")


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> Callable[[World], None]:
    def patch(world: World) -> None:
        for name in ("runs_due", "leases_take", "runs_turn"):
            monkeypatch.setattr(engine_loop, name, getattr(world, name))
        idle = SimpleNamespace(close_if_unusable_or_obsolete=lambda: None)
        monkeypatch.setattr(engine_loop, "connection", idle)
        monkeypatch.setattr(engine_loop, "PAUSE_SECONDS", 0)
        monkeypatch.setattr(engine_loop, "MOST", 12)
        monkeypatch.setattr(engine_loop, "MOST_EACH", 6)
        monkeypatch.setattr(engine_loop, "MOST_TOGETHER", 5)
        monkeypatch.setattr(engine_loop, "FEWEST", 1)
        monkeypatch.setattr(engine_loop, "MOST_NEAR", 2)

    return patch


def live(seed: int, patched: Callable[[World], None], events: int = 60) -> World:
    chance = random.Random(seed)
    world = World(chance)
    patched(world)
    engine = SteppedEngine(world)  # type: ignore[arg-type]
    for _ in range(events):
        for _ in range(chance.randrange(4)):
            row = Row(chance.choice(PROVIDERS), ("shop", chance.choice("aab")))
            world.rows[new_id()] = row
        engine = happen(chance.choice(EVENTS), world, engine)
        if chance.random() < 0.8:
            engine.settle()
    world.outages = 0
    for _ in range(2000):
        engine.settle()
        if world.flying:
            answer(world, engine)
        elif all(not row.left for row in world.rows.values()):
            break
        else:
            expire(world, engine)
            world.time_passes()
            engine.ring()
    assert all(not row.left and row.token is None for row in world.rows.values()), f"seed {seed}: forgotten"
    assert not engine._at_work, f"seed {seed}: taken for at work"
    assert all(sum(row.recorded.values()) == STEPS for row in world.rows.values()), (
        f"seed {seed}: a reply lost"
    )
    return world


def live_all(seeds: range, patched: Callable[[World], None]) -> None:
    for seed in seeds:
        live(seed, patched)


def happen(event: str, world: World, engine: SteppedEngine) -> SteppedEngine:
    if event == "ring":
        engine.ring()
    elif event == "ring_for":
        engine.ring_for(world.random.sample(list(world.rows), min(3, len(world.rows))))
    elif event == "reply":
        answer(world, engine)
    elif event == "steal":  # a lease has run out, and another process took the run and gave it back
        row = world.random.choice(list(world.rows.values()) or [Row("p", ("", ""))])
        row.token, row.open = None, None
    elif event == "outage":
        world.outages += 2
    elif event == "pause":
        world.time_passes()
    elif event == "late":
        for queue in engine._near.values():
            for near in queue:
                object.__setattr__(near, "until", 0.0)
    elif event == "crash":
        world.flying.clear()
        for row in world.rows.values():
            row.token = row.open = None
        return SteppedEngine(world)  # type: ignore[arg-type]
    return engine


def answer(world: World, engine: SteppedEngine) -> None:
    if world.flying:
        request, done = world.flying.pop(world.random.randrange(len(world.flying)))
        done(request, "answer")


def expire(world: World, engine: SteppedEngine) -> None:
    """Leases run out of runs that this engine does not have at work, and calls that nobody makes any more."""
    for run_id, row in world.rows.items():
        if row.token is not None and run_id not in engine._at_work:
            row.token = row.open = None


@pytest.mark.parametrize("block", range(10))
def test_whatever_happens_no_run_is_forgotten_and_no_reply_counted_twice(
    block: int, patched: Callable[[World], None]
) -> None:
    live_all(range(block * 12, block * 12 + 12), patched)


def test_the_model_finds_a_ring_that_is_forgotten(
    patched: Callable[[World], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SteppedEngine, "ring", lambda engine: None)
    with pytest.raises(AssertionError, match="forgotten"):
        live_all(range(20), patched)


def test_the_model_finds_work_that_is_given_twice(
    patched: Callable[[World], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_away = Engine._put_away

    def twice(engine: Engine, work: Sequence[Work], turned: Turned) -> None:
        put_away(engine, work, turned)
        engine._ready += [one for one in work if one.reply][:1]

    monkeypatch.setattr(SteppedEngine, "_put_away", twice)
    with pytest.raises(AssertionError, match=r"twice|never comes to rest"):
        live_all(range(20), patched)


def test_asked_to_stop_it_records_what_comes_back_and_begins_nothing(
    patched: Callable[[World], None],
) -> None:
    world = World(random.Random(2))
    patched(world)
    engine = SteppedEngine(world)  # type: ignore[arg-type]
    for _ in range(9):
        world.rows[new_id()] = Row("p", ("shop", "a"))
    engine.ring()
    engine.settle()
    begun = len(world.begun)
    assert not engine.stop(0)
    while world.flying:
        answer(world, engine)
        engine.settle()
    engine.ring()
    engine.settle()
    assert len(world.begun) == begun
    assert engine.stop(0)
    assert all(row.token is None for row in world.rows.values())


def test_a_forked_child_has_an_engine_of_its_own_whatever_its_parents_was_doing() -> None:
    """getsentry/sentry-python#6148: a lock that another thread holds at the fork is held for ever in the child."""
    parents = engine_loop.engine()
    with parents._lock:
        child = os.fork()
        if child == 0:
            own = engine_loop.engine()
            free = own is not parents and own._lock.acquire(timeout=1)
            os._exit(0 if free else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_owners_take_turns_in_a_queue() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(4):
        queue.put("many", number)
    queue.put("one", 9)
    assert [queue.pop() for _ in range(len(queue))] == [0, 9, 1, 2, 3]
