"""Web processes that listen on one socket, and take its connections in turn: whoever has fewest takes the next.

A plain server takes all that wait when it wakes. So a client's connections, which it opens together, came to lie with
one process, and the others had nothing to do for as long as they were kept open.

- Each process tells the others how many it has, in memory that they share. One that was not heard of for
  `FORGOTTEN_SECONDS` (it ended, or stands still) is left nothing.
- Whoever has more than another leaves a connection to it for `PATIENCE_SECONDS`, and takes it then if it is still
  there: nothing waits for a process that does not come.
"""

from __future__ import annotations

import asyncio
import errno
import multiprocessing
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

PROCESSES = 64  # places in the memory; one that follows so many others has the place of the first
FORGOTTEN_SECONDS = 2.0
PATIENCE_SECONDS = 0.01
# No more files: another look when some may have been closed.
EXHAUSTED, EXHAUSTED_SECONDS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM), 0.2


class Loads:
    """How many connections each process has, and when it last said so. Made by the parent of all of them."""

    def __init__(self) -> None:
        self.told: Any = multiprocessing.get_context("spawn").RawArray("d", 2 * PROCESSES)
        self._places = count()

    def place(self) -> Load:
        """Of the next process."""
        return Load(self.told, next(self._places) % PROCESSES)


@dataclass(slots=True)
class Load:
    """What one process tells, and sees of the others."""

    told: Any  # of each place the number of connections, and the time; goes to a process with what it is made of
    place: int

    def tell(self, connections: int) -> None:
        self.told[2 * self.place] = connections
        self.told[2 * self.place + 1] = time.monotonic()

    def is_above_another(self, connections: int) -> bool:
        heard_after = time.monotonic() - FORGOTTEN_SECONDS
        told: Sequence[float] = self.told[:]
        return any(
            told[start] < connections and told[start + 1] > heard_after
            for start in range(0, 2 * PROCESSES, 2)
            if start != 2 * self.place
        )


@dataclass(slots=True)
class Acceptor:
    """Takes connections off a socket that others listen on, too; one at a time. As uvicorn's servers are, to close."""

    listening: socket.socket
    protocol: Callable[[], asyncio.Protocol]
    load: Load
    connections: Callable[[], int]
    _begun: set[asyncio.Task[Any]] = field(default_factory=set)
    _later: asyncio.TimerHandle | None = None
    _closed: bool = False

    def start(self, backlog: int) -> None:
        self.listening.listen(backlog)
        self.listening.setblocking(False)
        self.tell()
        self._look()

    def tell(self) -> int:
        own = self.connections() + len(self._begun)
        self.load.tell(own)
        return own

    def _look(self) -> None:
        asyncio.get_running_loop().add_reader(self.listening.fileno(), self._someone_waits)

    def _someone_waits(self) -> None:
        if self.load.is_above_another(self.tell()):
            self._rest(PATIENCE_SECONDS, self._take)
        else:
            self._take()

    def _rest(self, seconds: float, then: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.listening.fileno())
        self._later = loop.call_later(seconds, self._go_on, then)

    def _go_on(self, then: Callable[[], object]) -> None:
        self._look()
        then()

    def _take(self) -> None:
        try:
            accepted, _ = self.listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another has it, or its client is gone
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
            self._rest(EXHAUSTED_SECONDS, self.tell)
            return
        self._begin(accepted)

    def _begin(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        with suppress(OSError):
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._served(accepted))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        self.tell()

    async def _served(self, accepted: socket.socket) -> None:
        with suppress(OSError):  # its client is gone already
            await asyncio.get_running_loop().connect_accepted_socket(self.protocol, accepted)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._later is not None:
            self._later.cancel()
        asyncio.get_running_loop().remove_reader(self.listening.fileno())

    async def wait_closed(self) -> None:
        """Nothing is left to wait for: its connections are the server's."""
