"""What calls need of their process: an event loop in a thread of its own, threads for what blocks, connections,
tokens."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from acteon_site.base.per_process import PerProcess
from chains_app.providers.connections import Connections
from chains_app.providers.tokens import Tokens

T = TypeVar("T")
# Of all providers together; of one provider see calling.MOST_BLOCKING.
BLOCKING_THREADS = 128
CLOSE_SECONDS = 2.0


class Own:
    """Of one process. The loop's thread ends with the process: what is under way then is cancelled."""

    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self.blocking = ThreadPoolExecutor(BLOCKING_THREADS, thread_name_prefix="blocking-call")
        self._pid = os.getpid()
        self.connections = Connections()
        self.tokens = Tokens()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="calls", daemon=True)
        self._thread.start()
        self._ready.wait()
        atexit.register(self.close)
        os.register_at_fork(after_in_child=self._forked)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What it comes to on the loop, which this thread waits for. Never from the loop's own thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def soon(self, act: Callable[..., object], *args: Any) -> None:
        """Have the loop's thread do it."""
        self.loop.call_soon_threadsafe(act, *args)

    def close(self) -> None:
        """Cancel what is under way and end the thread. In a forked child nothing: there it is the parent's."""
        if self._pid == os.getpid() and self._thread.is_alive():
            with suppress(RuntimeError):  # it has just ended
                self.soon(self._over.set)
            self._thread.join(CLOSE_SECONDS)
        atexit.unregister(self.close)

    def _forked(self) -> None:
        """Have the child, where nobody runs them, not complain of the parent's tasks at its end."""
        with suppress(RuntimeError):
            for task in asyncio.all_tasks(self.loop):
                task._log_destroy_pending = False  # type: ignore[attr-defined]

    def _serve(self) -> None:
        # Not uvloop, which leaves a connection open that is given up while it comes to be.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(self._until_over())

    async def _until_over(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._ready.set()
        await self._over.wait()


_own = PerProcess(Own)


def own() -> Own:
    """This process's own; a forked child makes its own."""
    return _own.get()


def renew() -> None:
    """Close this process's, so that the next call makes another. For tests."""
    if (made := _own.replace()) is not None:
        made.close()
