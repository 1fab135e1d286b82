"""Processes: memory of their own for the code that keeps something for its process, tasks that reach them, and deaths.

What the code holds per process (acteon_site.base.per_process) is looked up in the memory of the process whose actor
asks. A worker hears messages, of which some are lost, late or heard twice; a web process answers requests. One that
dies takes all that is in its memory along, and another begins some time later.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar
from unittest.mock import patch

from acteon_site.base import doorbell
from acteon_site.base.gathering import Gatherer
from audit_app import tasks as audit_tasks
from bench.simulate.scheduler import Memory, Scheduler
from chains_app import tasks as chain_tasks
from chains_app.services import calls_in_flight, engine_loop
from chains_app.services.calls_in_flight import CallsInFlight
from chains_app.services.engine_loop import Engine
from orders_app import tasks as order_tasks
from orders_app.api import together

T = TypeVar("T")
TASKS = {
    task.name: task
    for task in (
        *(chain_tasks.advance, chain_tasks.sweep),
        *(order_tasks.release, order_tasks.sweep),
        audit_tasks.relay,
    )
}


class OfProcess(Generic[T]):
    """In place of a PerProcess: as many processes as there are memories."""

    def __init__(self, scheduler: Scheduler, make: Callable[[], T]) -> None:
        self._scheduler, self._make = scheduler, make

    def get(self) -> T:
        made = self._scheduler.memory.made
        if self not in made:
            made[self] = self._make()
        found: T = made[self]
        return found


class CallsLoop:
    """In place of the event loop of a process's calls: each task is an actor."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler, self._memory = scheduler, scheduler.memory
        self.loop = self

    def soon(self, act: Callable[..., object], *given: Any) -> None:
        self._scheduler.spawn("calls", partial(act, *given), self._memory)

    def create_task(self, work: Coroutine[Any, Any, None], context: object) -> None:
        self._scheduler.spawn("call", partial(_to_its_end, work), self._memory, unbegun=work.close)

    def call_later(self, seconds: float, act: Callable[..., object], *given: Any) -> None:
        self._scheduler.later(seconds, lambda: self.soon(act, *given) if self._memory.alive else None)


def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits for an event loop")


class OwnGatherer:
    """In place of the module's one gatherer."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._of_process = OfProcess(scheduler, self._make)

    def submit(self, thing: Any, *, share: str, alone: str = "") -> Any:
        return self._of_process.get().submit(thing, share=share, alone=alone)

    @staticmethod
    def _make() -> Gatherer[Any, Any]:
        most = {"waiting": together.MOST_WAITING, "of_one": together.OF_ONE_TENANT}
        return Gatherer(together._place, name="orders", at_most=together.AT_MOST, **most)


@dataclass
class Processes:
    scheduler: Scheduler
    answer_of: Callable[..., Any]
    # From then on no message is lost, and nobody dies.
    calm_since: float = float("inf")
    web: Memory = field(init=False)
    workers: list[Memory] = field(default_factory=list)
    lost: float = 0.1
    _rung: dict[str, list[str]] = field(default_factory=dict)
    _begun: int = 0

    def start(self, workers: int) -> None:
        self.web = self._new("web")
        self.workers = [self._new("worker") for _ in range(workers)]

    @contextmanager
    def installed(self) -> Iterator[None]:
        scheduler = self.scheduler
        loop = OfProcess(scheduler, partial(CallsLoop, scheduler))
        calls = OfProcess(scheduler, CallsInFlight)
        engines = OfProcess(scheduler, lambda: Engine(calls.get()))
        with ExitStack() as stack:
            for module, name, own in (
                (calls_in_flight, "own", loop.get),
                (calls_in_flight, "_in_flight", calls),
                (calls_in_flight, "answer_of", self.answer_of),
                (engine_loop, "_engine", engines),
                (together, "gatherer", OwnGatherer(scheduler)),
                (doorbell, "_doorbell", self),
            ):
                stack.enter_context(patch.object(module, name, own))
            yield

    @property
    def is_calm(self) -> bool:
        return self.scheduler.seconds >= self.calm_since

    @property
    def held_up_until(self) -> float:
        """From then on nobody's trouble holds up another: who stands still in a transaction keeps all from writing."""
        return max(self.calm_since, *(memory.frozen_until for memory in self.all))

    @property
    def all(self) -> list[Memory]:
        return [self.web, *self.workers]

    def crash(self, memory: Memory) -> None:
        """It dies where it stands; another takes its place after a while."""
        self.scheduler.note("crash of", memory.name)
        self.scheduler.kill(memory)
        if memory is self.web:
            self.web = self._new("web")
            self.web.frozen_until = self.scheduler.seconds + self.scheduler.random.uniform(0.1, 3)
        else:
            self.workers[self.workers.index(memory)] = self._new("worker")

    def freeze(self, memory: Memory, seconds: float) -> None:
        self.scheduler.note("frozen", memory.name, f"{seconds:.1f}")
        memory.frozen_until = self.scheduler.seconds + seconds

    # Messages.

    def ring(self, task: str, ids: list[str]) -> None:
        """As the doorbell: those of a task within a moment share a message. Sweeps and the relay are not pressing."""
        first = task not in self._rung
        self._rung.setdefault(task, []).extend(ids)
        if first:
            longest = 0.2 if ids else 8
            self.scheduler.later(self.scheduler.random.uniform(0.02, longest), partial(self._send, task))

    def _send(self, task: str) -> None:
        ids, chance = self._rung.pop(task), self.scheduler.random
        luck = 1.0 if self.is_calm else chance.random()
        if luck < self.lost:
            return
        self._deliver(task, ids)
        if luck < 2 * self.lost:
            self.scheduler.later(chance.uniform(0, 5), partial(self._deliver, task, ids))

    def _deliver(self, task: str, ids: list[str]) -> None:
        memory = self.scheduler.random.choice(self.workers)
        run = partial(TASKS[task].run, *([ids] if ids else []))
        self.scheduler.spawn(f"{memory.name}/{task}", run, memory)

    def _new(self, kind: str) -> Memory:
        self._begun += 1
        return Memory(f"{kind}-{self._begun}")
