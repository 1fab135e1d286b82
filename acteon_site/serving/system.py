"""Web server in the main thread, worker and scheduler beside it; one signal stops all three."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

import structlog
import uvicorn

from acteon_site.celery import app as celery_app
from acteon_site.serving.background import EmbeddedScheduler, EmbeddedWorker, Part
from acteon_site.serving.web import StreamEndingServer, web_config

log = structlog.get_logger()
REQUEST_SECONDS = 1  # how long requests may take to end
PARTS_SECONDS = 3.0
WORKER_THREADS = 4


class WebServer(StreamEndingServer):
    """Uvicorn that takes the other parts along, down as well as up."""

    def __init__(self, config: uvicorn.Config, parts: Sequence[Part], on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._parts = parts
        self._on_ready = on_ready
        self.broken = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        threading.Thread(target=self._on_ready, name="ready", daemon=True).start()

    async def on_tick(self, counter: int) -> bool:
        dead = next((part.name for part in self._parts if not part.alive), "")
        if dead and not self.should_exit:
            self.broken = dead
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for part in self._parts:
            part.stop()
        await super().shutdown(sockets=sockets)


class EmbeddedSystem:
    """`run()` serves until a signal or `stop()`, then answers the exit code."""

    def __init__(
        self, listening: socket.socket, *, worker: bool = True, on_ready: Callable[[], None] = lambda: None
    ) -> None:
        self._listening = listening
        self._parts: list[Part] = []
        if worker:
            self._parts = [
                EmbeddedWorker(celery_app, concurrency=WORKER_THREADS),
                EmbeddedScheduler(celery_app),
            ]
        self._server = WebServer(web_config(stop_seconds=REQUEST_SECONDS), self._parts, on_ready)
        self._exit_code = 0

    def run(self) -> int:
        self._catch_signals()
        for part in self._parts:
            part.start()
        self._server.run(sockets=[self._listening])
        self._stop_parts()
        if self._server.broken:
            log.error("part_stopped", part=self._server.broken)
            return 1
        return self._exit_code

    @property
    def stopping(self) -> bool:
        return self._server.should_exit

    def stop(self, exit_code: int = 0) -> None:
        """End `run()` from another thread."""
        self._exit_code = exit_code
        self._server.should_exit = True

    def _catch_signals(self) -> None:
        # Uvicorn takes the signals while it serves, and raises the one that stopped it once more afterwards:
        # that one must not kill us, and one that comes before it serves must still stop it.
        def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
            self._server.should_exit = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ask_to_stop)

    def _stop_parts(self) -> None:
        deadline = time.monotonic() + PARTS_SECONDS
        stuck = [part.name for part in self._parts if not part.join(max(0.0, deadline - time.monotonic()))]
        if stuck:
            self._leave_behind(stuck)

    def _leave_behind(self, stuck: Sequence[str]) -> None:
        # A provider call that hangs would hold the exit up for its whole timeout. The step's row says that it
        # was started, so the next start repeats it with the same idempotency key once its lease has run out.
        log.warning("stopped_with_work_under_way", parts=list(stuck))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1 if self._server.broken else self._exit_code)
