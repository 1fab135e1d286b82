"""What the code under the scheduler gets in place of threads, clocks and chance; the code itself is left as it is.

`time` and `random` are the scheduler's everywhere while a seed lives. Threads, conditions and locks are its actors and
waiting lists in the modules that have such (`THREADED`): nobody is switched away from but where he gives way, so a lock
is contended only where its holder waits.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import _base as futures
from contextlib import ExitStack, contextmanager
from datetime import datetime, tzinfo
from typing import Any
from unittest.mock import patch
from uuid import UUID

from django.utils import timezone

from acteon_site.base import gathering, ids
from bench.simulate.scheduler import STARTED, Actor, Scheduler
from chains_app.services import calls_in_flight, engine_loop

THREADED = (gathering, calls_in_flight, engine_loop, futures)


@contextmanager
def standing_in(scheduler: Scheduler) -> Iterator[None]:
    """Everything that the code takes from the machine comes from the scheduler."""
    mine = threading.get_ident()

    def ours(own: Callable[..., Any], machines: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: own(*given) if threading.get_ident() == mine else machines(*given)

    clocks: dict[str, Callable[..., Any]] = {
        "monotonic": lambda: STARTED + scheduler.seconds,
        "monotonic_ns": lambda: int((STARTED + scheduler.seconds) * 1e9),
        "time": lambda: scheduler.now.timestamp(),
        "sleep": scheduler.sleep,
    }
    chances: dict[str, Callable[..., Any]] = {
        "random": scheduler.random.random,
        "uniform": scheduler.random.uniform,
    }
    threads = Threads(scheduler)
    with ExitStack() as stack:
        for name, own in clocks.items():
            stack.enter_context(patch.object(time, name, ours(own, getattr(time, name))))
        for name, own in chances.items():
            stack.enter_context(patch.object(random, name, ours(own, getattr(random, name))))
        for module in THREADED:
            stack.enter_context(patch.object(module, "threading", threads))
        stack.enter_context(patch.object(timezone, "datetime", _datetime_of(scheduler)))
        stack.enter_context(patch.object(ids, "uuid7", Ids(scheduler).next))
        yield


def _datetime_of(scheduler: Scheduler) -> type[datetime]:
    class Simulated(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return scheduler.now.astimezone(tz)

    return Simulated


class Ids:
    """UUIDv7 of the one clock: within a millisecond in any order, as those of many processes are."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def next(self) -> UUID:
        milliseconds = int(self._scheduler.now.timestamp() * 1000)
        chance = self._scheduler.random.getrandbits(74)
        high, low = chance >> 62, chance & ((1 << 62) - 1)
        return UUID(int=(milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)


class Threads:
    """`threading`, as far as the code uses it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def Lock(self) -> OwnLock:
        return OwnLock(self._scheduler)

    def Condition(self, lock: OwnLock | None = None) -> OwnCondition:
        return OwnCondition(self._scheduler, lock or OwnLock(self._scheduler))

    def Thread(self, *, target: Callable[[], object], name: str, daemon: bool) -> OwnThread:
        return OwnThread(self._scheduler, target, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)


class OwnLock:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._held = False
        self._waiting: list[Actor] = []

    def __enter__(self) -> OwnLock:
        while self._held:
            self._scheduler.wait(self._waiting, None)
        self._held = True
        return self

    def __exit__(self, *error: object) -> None:
        self._held = False
        self._scheduler.wake(self._waiting)


class OwnCondition:
    def __init__(self, scheduler: Scheduler, lock: OwnLock) -> None:
        self._scheduler = scheduler
        self._lock = lock
        self._waiting: list[Actor] = []

    def __enter__(self) -> OwnCondition:
        self._lock.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.__exit__(*error)

    def wait(self, timeout: float | None = None) -> bool:
        self._lock.__exit__()
        try:
            return self._scheduler.wait(self._waiting, timeout)
        finally:
            self._lock.__enter__()

    def wait_for(self, holds: Callable[[], Any], timeout: float | None = None) -> bool:
        ends = None if timeout is None else self._scheduler.seconds + timeout
        while not holds():
            left = None if ends is None else ends - self._scheduler.seconds
            if left is not None and left <= 0:
                return False
            self.wait(left)
        return True

    def notify(self, n: int = 1) -> None:
        self._scheduler.wake(self._waiting, n)

    def notify_all(self) -> None:
        self._scheduler.wake(self._waiting)


class OwnThread:
    """An actor of the process that starts it."""

    def __init__(self, scheduler: Scheduler, target: Callable[[], object], name: str) -> None:
        self._scheduler, self._target, self._name = scheduler, target, name

    def start(self) -> None:
        starter = self._scheduler.current
        memory = starter.memory if starter else None
        self._scheduler.spawn(f"{memory.name if memory else ''}/{self._name}", self._target, memory)

    def join(self, timeout: float | None = None) -> None:
        """Nothing here stops an engine: a process dies at once."""
