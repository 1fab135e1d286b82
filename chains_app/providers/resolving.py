"""Names become addresses in a few threads, since the resolver takes no timeout: whoever waits gives up in time.

A name is looked up once for all who ask while the answer is awaited, so that one that hangs holds one thread,
however many calls go to it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from acteon_site.base.per_process import PerProcess

T = TypeVar("T")
THREADS = 8


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="resolve")


_resolvers = PerProcess(_threads)


def in_time(timeout: float, ask: Callable[[], T]) -> T:
    """What a function of the resolver answers. Raises TimeoutError. For threads that may block."""
    return _resolvers.get().submit(ask).result(timeout)


def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a host, in the resolver's order. Raises OSError and UnicodeError; blocks."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Resolver:
    """The look-ups of one event loop."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def addresses_of(self, host: str, port: int) -> list[str]:
        """As above, without blocking. Who gives up leaves the look-up to the others."""
        name = (host, port)
        asked = self._asked.get(name)
        if asked is None:
            look_up = partial(addresses_of, host, port)
            asked = asyncio.get_running_loop().run_in_executor(_resolvers.get(), look_up)
            self._asked[name] = asked
            asked.add_done_callback(partial(self._answered, name))
        return await asyncio.shield(asked)

    def _answered(self, name: tuple[str, int], asked: asyncio.Future[list[str]]) -> None:
        del self._asked[name]
        if not asked.cancelled():
            asked.exception()  # looked at, so that nobody complains where all who asked have given up
