"""A bounded number of things at once, in fair turns: who asks for many waits for himself and not the others for him."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class BusyError(Exception):
    """No turn came in time, or too many of this name wait for one already."""


@dataclass
class Turns:
    """At most `at_once` have a turn, at most `each` of one name. Of the others `waiting` of a name may wait, for
    `seconds`; a turn that is over goes to the name that has been without one for longest."""

    at_once: int
    each: int
    waiting: int
    seconds: float
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: Counter[str] = field(default_factory=Counter)
    _queues: OrderedDict[str, deque[threading.Event]] = field(default_factory=OrderedDict)

    @contextmanager
    def turn(self, name: str, before_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Raises BusyError. `before_waiting` gives back what nobody should hold while he waits."""
        ticket = self._ticket(name)
        if not ticket.is_set():
            before_waiting()
            self._wait(name, ticket)
        try:
            yield
        finally:
            with self._lock:
                self._running -= Counter((name,))  # in place, and it drops those at 0
                self._hand_on()

    def _ticket(self, name: str) -> threading.Event:
        with self._lock:
            queue = self._queues.setdefault(name, deque())
            ticket = threading.Event()
            queue.append(ticket)
            self._hand_on()
            if len(queue) > self.waiting:
                queue.pop()
                self._forget_empty(name)
                raise BusyError
            return ticket

    def _wait(self, name: str, ticket: threading.Event) -> None:
        if ticket.wait(self.seconds):
            return
        with self._lock:
            if ticket.is_set():  # in the last moment
                return
            self._queues[name].remove(ticket)
            self._forget_empty(name)
        raise BusyError

    def _hand_on(self) -> None:
        for name in list(self._queues):
            if self._running.total() >= self.at_once:
                return
            if self._running[name] < self.each:
                self._running[name] += 1
                self._queues[name].popleft().set()
                self._queues.move_to_end(name)
                self._forget_empty(name)

    def _forget_empty(self, name: str) -> None:
        if not self._queues[name]:
            del self._queues[name]
