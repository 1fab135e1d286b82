"""Things that arrive while others are worked on are worked on together, as the next set.

Nothing waits for company: a thing that finds nobody at work begins at once, alone. Invariants:

- Everything that was taken in is finished exactly once: with its result, or with the error of its set. What is called
  off before its set begins is dropped, and later it cannot be.
- A set holds at most `at_most` of them, and no two with the same `alone`.
- Sets are filled in turns: whoever (`share`) has many waiting gets one place after the others' first, and so on.
- Of one share's things at most `of_one` wait, in all at most `waiting`; one more is refused at once.
- A set that takes long (a lock, a slow disk) holds the next one up for `patience` seconds and no longer, as long as
  there are lanes.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class OverloadedError(Exception):
    """As much waits as may wait."""


@dataclass(slots=True)
class _Ticket(Generic[T, R]):
    thing: T
    share: str
    alone: str
    result: Future[R] = field(default_factory=Future)


class Gatherer(Generic[T, R]):
    """`work` gives one result for each thing of a set, in order. It runs in threads of the gatherer's own."""

    def __init__(
        self,
        work: Callable[[Sequence[T]], Sequence[R]],
        *,
        name: str,
        at_most: int,
        waiting: int,
        of_one: int,
        lanes: int = 4,
        patience: float = 0.1,
    ) -> None:
        self._work = work
        self._name = name
        self._at_most, self._most_waiting, self._of_one = at_most, waiting, of_one
        self._lanes, self._patience = lanes, patience
        self._pid = 0
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._changed = threading.Condition()
        self._queues: OrderedDict[str, deque[_Ticket[T, R]]] = OrderedDict()
        self._waiting = self._busy = 0
        self._began = 0.0

    def submit(self, thing: T, *, share: str, alone: str = "") -> Future[R]:
        """Take it in; the future is its result. Raises OverloadedError where too much waits already."""
        if self._pid != os.getpid():
            self._start()
        ticket: _Ticket[T, R] = _Ticket(thing, share, alone)
        with self._changed:
            queue = self._queues.get(share)
            if self._waiting >= self._most_waiting or (queue and len(queue) >= self._of_one):
                raise OverloadedError
            if queue is None:
                queue = self._queues[share] = deque()
            queue.append(ticket)
            self._waiting += 1
            self._changed.notify()
        return ticket.result

    def _start(self) -> None:
        """Its threads, in this process: a forked child inherits none."""
        with _starting:
            if self._pid == os.getpid():
                return
            self._begin_anew()
            self._pid = os.getpid()
            for number in range(self._lanes):
                threading.Thread(target=self._lane, name=f"{self._name}-{number}", daemon=True).start()

    def _lane(self) -> None:
        while True:
            tickets = self._next()
            try:
                if tickets:
                    self._finish(tickets)
            finally:
                with self._changed:
                    self._busy -= 1
                    self._changed.notify()

    def _finish(self, tickets: Sequence[_Ticket[T, R]]) -> None:
        try:
            results = self._work([ticket.thing for ticket in tickets])
        except BaseException as error:
            for ticket in tickets:
                ticket.result.set_exception(error)
            return
        for ticket, result in zip(tickets, results, strict=True):
            ticket.result.set_result(result)

    def _next(self) -> list[_Ticket[T, R]]:
        with self._changed:
            while True:
                pause = self._pause() if self._waiting else None
                if pause is not None and pause <= 0:
                    self._busy += 1
                    self._began = time.monotonic()
                    return list(self._take())
                self._changed.wait(pause)

    def _pause(self) -> float:
        """Seconds until another set may begin beside those that are under way."""
        return self._began + self._patience - time.monotonic() if self._busy else 0.0

    def _take(self) -> Iterator[_Ticket[T, R]]:
        """The next set: one of each share in turn, until it is full or nothing is left that may stand in it."""
        taken, alone = 0, set[str]()
        shares = deque(self._queues)
        while shares and taken < self._at_most:
            share = shares.popleft()
            ticket = self._first(share, alone)
            if ticket is None:
                continue
            if ticket.result.set_running_or_notify_cancel():  # from here on nobody can call it off
                taken += 1
                alone.add(ticket.alone)
                yield ticket
            if share in self._queues:
                self._queues.move_to_end(share)
                shares.append(share)

    def _first(self, share: str, alone: set[str]) -> _Ticket[T, R] | None:
        """The share's oldest that may stand in the set, taken off its queue."""
        queue = self._queues[share]
        ticket = next((one for one in queue if not one.alone or one.alone not in alone), None)
        if ticket is None:
            return None
        queue.remove(ticket) if ticket is not queue[0] else queue.popleft()
        self._waiting -= 1
        if not queue:
            del self._queues[share]
        return ticket


_starting = threading.Lock()
