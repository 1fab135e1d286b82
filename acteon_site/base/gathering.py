"""Things that arrive while others are worked on are worked on together, as the next set.

A thing that finds nobody at work begins at once, alone. Who has just been answered often comes again: so a set that
follows right upon another waits until as many are there as that one held and left waiting, or nobody has come for
`grace` seconds. Else those clients would go on in two halves for ever, each with a transaction of its own. Invariants:

- Everything that was taken in is finished exactly once: with its result, or with the error of its set. What is called
  off before its set begins is dropped, and later it cannot be.
- A set holds at most `at_most` of them, and no two with the same `alone`.
- Sets are filled in turns: whoever (`share`) has many waiting gets one place after the others' first, and so on.
- Of one share's things at most `of_one` wait, in all at most `waiting`; one more is refused at once.
- A set that takes long (a lock, a slow disk) holds the next one up for `patience` seconds and no longer, as long as
  there are lanes. Of the lanes that are free the first leads, and the others sleep: whatever one has to hand (its
  connection, what the database has prepared for it) serves the next set, too.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# While they come one after another within the grace of each other, a set waits for so many graces at most.
MOST_GRACES = 10


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
        grace: float = 0.002,
    ) -> None:
        self._work = work
        self._name = name
        self._at_most, self._most_waiting, self._of_one = at_most, waiting, of_one
        self._lanes, self._patience, self._grace = lanes, patience, grace
        self._pid = 0
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._bells = [threading.Condition(self._lock) for _ in range(self._lanes)]
        self._free: set[int] = set()
        self._alarm_set = False  # whether the lane that leads wakes by itself
        self._queues: OrderedDict[str, deque[_Ticket[T, R]]] = OrderedDict()
        self._waiting = self._busy = self._expected = 0
        self._began = self._ended = self._came = 0.0

    def submit(self, thing: T, *, share: str, alone: str = "") -> Future[R]:
        """Take it in; the future is its result. Raises OverloadedError where too much waits already."""
        if self._pid != os.getpid():
            self._start()
        ticket: _Ticket[T, R] = _Ticket(thing, share, alone)
        with self._lock:
            queue = self._queues.get(share)
            if self._waiting >= self._most_waiting or (queue and len(queue) >= self._of_one):
                raise OverloadedError
            if queue is None:
                queue = self._queues[share] = deque()
            queue.append(ticket)
            self._waiting += 1
            self._came = time.monotonic()
            if not self._alarm_set or self._pause() <= 0:
                self._ring()
        return ticket.result

    def _ring(self) -> None:
        if self._free:
            self._bells[min(self._free)].notify()

    def _start(self) -> None:
        """Its threads, in this process: a forked child inherits none."""
        with _starting:
            if self._pid == os.getpid():
                return
            self._begin_anew()
            self._pid = os.getpid()
            for number in range(self._lanes):
                lane = partial(self._lane, number)
                threading.Thread(target=lane, name=f"{self._name}-{number}", daemon=True).start()

    def _lane(self, number: int) -> None:
        while True:
            tickets = self._next(number)
            try:
                if tickets:
                    self._finish(tickets)
            finally:
                with self._lock:
                    self._busy -= 1
                    self._ended = time.monotonic()

    def _finish(self, tickets: Sequence[_Ticket[T, R]]) -> None:
        try:
            results = self._work([ticket.thing for ticket in tickets])
        except BaseException as error:
            for ticket in tickets:
                ticket.result.set_exception(error)
            return
        with self._lock:  # before anybody can have come again
            self._expected = min(len(tickets) + self._waiting, self._at_most)
        for ticket, result in zip(tickets, results, strict=True):
            ticket.result.set_result(result)

    def _next(self, number: int) -> list[_Ticket[T, R]]:
        with self._lock:
            self._free.add(number)
            while True:
                leads = number == min(self._free)
                pause = self._pause() if leads and self._waiting else None
                if pause is not None and pause <= 0:
                    self._free.discard(number)
                    self._busy += 1
                    self._began = time.monotonic()
                    return self._taken()
                if leads:
                    self._alarm_set = pause is not None
                elif self._waiting:
                    self._ring()
                self._bells[number].wait(pause)

    def _taken(self) -> list[_Ticket[T, R]]:
        tickets = list(self._take())
        self._alarm_set = False  # another leads from now on
        if self._waiting:
            self._ring()
        return tickets

    def _pause(self) -> float:
        """Seconds until another set may begin, beside those that are under way or after them."""
        if self._busy:
            return self._began + self._patience - time.monotonic()
        if self._waiting >= self._expected:
            return 0.0
        ends = min(max(self._came, self._ended) + self._grace, self._ended + MOST_GRACES * self._grace)
        return ends - time.monotonic()

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
