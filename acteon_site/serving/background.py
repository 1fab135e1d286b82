"""The Celery worker and scheduler as threads of this process."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Any

from celery import Celery
from celery.beat import Service
from celery.worker import WorkController, state

MEMORY_POLLING_SECONDS = 0.05
HOSTNAME = "embedded@localhost"


class Part(ABC):
    """Something that runs in a thread until it is asked to stop."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds; False while it still runs."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self.alive

    @abstractmethod
    def _run(self) -> None: ...

    @abstractmethod
    def stop(self) -> None:
        """Ask it to stop; returns at once."""


class EmbeddedWorker(Part):
    """A worker with a pool of threads. It installs no signal handlers and no logging of its own."""

    def __init__(self, app: Celery, *, concurrency: int) -> None:
        super().__init__("worker")
        self._in_memory = app.conf.broker_url.startswith("memory://")
        if self._in_memory:
            # kombu looks into an in-memory queue once a second otherwise.
            app.conf.broker_transport_options = {"polling_interval": MEMORY_POLLING_SECONDS}
        app.finalize()
        app.set_current()
        app.set_default()
        self._app = app
        self._concurrency = concurrency

    def start(self) -> None:
        state.should_stop = None
        super().start()

    def _run(self) -> None:
        worker: Any = WorkController(
            app=self._app,
            hostname=HOSTNAME,
            pool="threads",
            concurrency=self._concurrency,
            loglevel="WARNING",
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
        # Otherwise /ready would have to wait for the scheduler's first canary.
        self._app.send_task("acteon_site.canary", ignore_result=True)
        worker.start()

    def stop(self) -> None:
        worker_state: Any = state
        worker_state.should_stop = 0
        # The consumer sees the flag between two messages, or two seconds later, and then drains once more:
        # these messages are its wake-up.
        for _ in range(2 if self._in_memory else 0):
            self._app.control.broadcast("ping", destination=[HOSTNAME])


class EmbeddedScheduler(Part):
    """Celery's beat with its schedule in memory: intervals only, so there is nothing to remember."""

    def __init__(self, app: Celery) -> None:
        super().__init__("scheduler")
        service: Any = Service
        self._service = service(
            app, max_interval=1, scheduler_cls="celery.beat:Scheduler", remote_control=False
        )

    def _run(self) -> None:
        self._service.start()

    def stop(self) -> None:
        self._service.stop()
