"""One scheduler, one clock: it says which actor goes on, and for how long time stands still.

An actor is a greenlet. It gives way at every statement and whenever it waits (`point`, `sleep`, `wait`); one of those
that can go on is picked by the seed. When none can, time goes on to the next moment for which somebody waits. Nothing
else moves: the same seed gives the same steps.

An actor dies by `Crashed`, raised where it gave way. A dead one that gives way once more is told again, so that what
unwinds cannot do anything that others see.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from greenlet import getcurrent, greenlet

# A Wednesday at 11:00 in New York: the shop is open.
BEGIN = datetime(2026, 3, 4, 16, 0, tzinfo=UTC)
# A clock that was never started is told by 0 (acteon_site.base.config_versions).
STARTED = 1000.0
MOST_STEPS = 20_000


def _nothing() -> None:
    pass


class Crashed(BaseException):
    """The process of this actor is gone."""


class NeverEndsError(Exception):
    """Actors go on and on, and time does not."""


@dataclass(eq=False)
class Actor:
    """Something that happens beside the others. `memory` is what dies with its process."""

    number: int
    name: str
    act: Callable[[], object]
    memory: Memory | None
    unbegun: Callable[[], None]
    body: greenlet = field(init=False)
    database: Any = None
    waits: int = 0  # counts what it has waited for: an old alarm finds another number
    dead: bool = False


@dataclass(eq=False)
class Memory:
    """What a process has of its own."""

    name: str
    made: dict[object, Any] = field(default_factory=dict)
    actors: dict[Actor, None] = field(default_factory=dict)
    alive: bool = True
    # It stands still until then: a machine that is paused, a collector that takes its time.
    frozen_until: float = -1000.0


Told = Callable[[Actor], None]


class Scheduler:
    def __init__(self, seed: int, switched: Told, dies: Told, over: Told) -> None:
        """Told are: `switched` before an actor goes on, `dies` before one does, `over` when one has come to its end."""
        self.random = random.Random(seed)
        self.seconds = 0.0
        self.steps = 0
        self.told: list[str] | None = None
        self.before_step: Callable[[], None] = _nothing
        self._switched, self._dies, self._over = switched, dies, over
        self._digest = blake2b(digest_size=8)
        self._numbers = itertools.count()
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []
        self._ready: list[Actor] = []
        self._actors: dict[Actor, None] = {}
        self._hub = getcurrent()
        self.current: Actor | None = None

    @property
    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds)

    @property
    def memory(self) -> Memory:
        """Of the process whose actor is at work."""
        assert self.current is not None, "nobody is at work"
        assert self.current.memory is not None, f"{self.current.name} is of no process"
        return self.current.memory

    @property
    def trace(self) -> str:
        """A hash of every step so far."""
        return self._digest.hexdigest()

    def note(self, *words: object) -> None:
        """Part of the trace."""
        who = self.current.name if self.current else "world"
        what = " ".join(map(str, words))
        self._digest.update(f"{self.seconds} {who} {what}".encode())
        if self.told is not None:
            self.told.append(f"{self.seconds:11.4f} {who:24} {what}")

    # For actors.

    def spawn(
        self,
        name: str,
        act: Callable[[], object],
        memory: Memory | None,
        unbegun: Callable[[], None] = _nothing,
    ) -> Actor:
        """`unbegun` is called in place of `act` where its process dies before."""
        actor = Actor(next(self._numbers), name, act, memory, unbegun)
        actor.body = greenlet(lambda: self._live(actor), parent=self._hub)
        self._actors[actor] = None
        if memory is not None:
            memory.actors[actor] = None
        self._ready.append(actor)
        return actor

    def point(self, what: str) -> None:
        """Somebody else may go on here, or this actor may die here. Outside of actors nothing happens."""
        actor = self.current
        if actor is None:
            return
        if actor.dead:
            raise Crashed
        self.note(what)
        self._ready.append(actor)
        self._give_way(actor)

    def sleep(self, seconds: float) -> None:
        actor = self._own()
        self._wake_at(actor, seconds)
        self._give_way(actor)

    def wait(self, waiting: list[Actor], seconds: float | None) -> bool:
        """Until somebody wakes one of `waiting`, this actor put behind the others; False where the time was over."""
        actor = self._own()
        waiting.append(actor)
        if seconds is not None:
            self._wake_at(actor, max(0.0, seconds))
        try:
            self._give_way(actor)
        finally:
            woken = actor not in waiting
            if not woken:
                waiting.remove(actor)
        return woken

    def wake(self, waiting: list[Actor], most: int | None = None) -> None:
        woken = waiting[:most]
        del waiting[:most]
        for actor in woken:
            if not actor.dead:
                actor.waits += 1
                self._ready.append(actor)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do it then; it must not give way."""
        heapq.heappush(self._alarms, (self.seconds + seconds, next(self._numbers), act))

    def _own(self) -> Actor:
        assert self.current is not None, "only actors wait"
        if self.current.dead:
            raise Crashed
        return self.current

    def _wake_at(self, actor: Actor, seconds: float) -> None:
        waits = actor.waits

        def alarm() -> None:
            if actor.waits == waits and not actor.dead:
                actor.waits += 1
                self._ready.append(actor)

        self.later(seconds, alarm)

    def _give_way(self, actor: Actor) -> None:
        self._hub.switch()
        if actor.dead:
            raise Crashed

    def _live(self, actor: Actor) -> None:
        with suppress(Crashed):
            actor.act()

    # For the world.

    def run(self, until: float = float("inf")) -> None:
        """Let actors go on until that moment, or until none waits for anything."""
        while True:
            if self._ready:
                self._step()
            elif self._alarms and self._alarms[0][0] <= until:
                moment, _, act = heapq.heappop(self._alarms)
                self.seconds = max(self.seconds, moment)
                act()
            else:
                self.seconds = max(self.seconds, until) if until < float("inf") else self.seconds
                return

    def _step(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise NeverEndsError(f"{MOST_STEPS} steps, and no end")
        # Time goes on while something is done, too.
        self.seconds += self.random.random() * 0.002
        self._ring_alarms()
        self.before_step()
        if not self._ready:
            return
        actor = self._ready.pop(self.random.randrange(len(self._ready)))
        frozen = actor.memory.frozen_until - self.seconds if actor.memory else 0.0
        if frozen > 0:
            self._wake_at(actor, frozen)
        else:
            self.go_on(actor)

    def _ring_alarms(self) -> None:
        while self._alarms and self._alarms[0][0] <= self.seconds:
            heapq.heappop(self._alarms)[2]()

    def go_on(self, actor: Actor) -> None:
        self.current = actor
        self._switched(actor)
        try:
            actor.body.switch()
        finally:
            self.current = None
        if actor.body.dead:
            self._forget(actor)

    def kill(self, memory: Memory) -> None:
        """A process is gone, with all its actors; what they had not committed is rolled back."""
        memory.alive = False
        self._kill(list(memory.actors))

    def kill_all(self) -> None:
        self._alarms.clear()
        self._kill(list(self._actors))

    def _kill(self, actors: list[Actor]) -> None:
        for actor in actors:
            actor.dead = True
        for actor in actors:
            if actor in self._ready:
                self._ready.remove(actor)
            if not actor.body:
                actor.unbegun()
            self._dies(actor)
            while actor.body and not actor.body.dead:
                self.current = actor
                self._switched(actor)
                try:
                    actor.body.throw(Crashed)
                finally:
                    self.current = None
            self._forget(actor)

    def _forget(self, actor: Actor) -> None:
        self._actors.pop(actor, None)
        if actor.memory is not None:
            actor.memory.actors.pop(actor, None)
        self._over(actor)
