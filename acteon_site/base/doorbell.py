"""Rings Celery after a commit, from a thread of its own.

The database row is the truth and a sweeper finds whatever was not rung, so a broker that is slow or gone must
neither delay nor fail the request that committed. The first ring goes out at once; those within the next
PAUSE_SECONDS share a message by task, since each message costs about a millisecond of processor time. One without ids
only asks somebody to look at all there is: those share a message for LOOK_SECONDS.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from typing import Any

import structlog
from celery import current_app
from django.db import transaction

log = structlog.get_logger()
PAUSE_SECONDS = 0.05
LOOK_SECONDS = 0.2
IDS_PER_MESSAGE = 50


class Doorbell:
    def __init__(self) -> None:
        self._pid = 0
        self._lock = threading.Lock()
        self._waiting: dict[str, list[str]] = defaultdict(list)
        self._rung = threading.Event()
        self._look_again: dict[str, float] = {}  # when, by task

    def ring(self, task: str, ids: list[str]) -> None:
        """Ask for `task(ids)`; an empty list asks for `task()`. Never blocks, never raises."""
        with self._lock:
            self._ensure_thread()
            self._waiting[task].extend(ids)
        self._rung.set()

    def _ensure_thread(self) -> None:
        # A forked worker inherits the object but not its thread.
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._waiting = defaultdict(list)
            threading.Thread(target=self._run, name="doorbell", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._rung.wait()
            self._rung.clear()
            for task, ids in self._due().items():
                self._send(task, ids)
            threading.Event().wait(PAUSE_SECONDS)

    def _due(self) -> dict[str, list[str]]:
        """What is to be rung now; what must wait a little longer rings again after the pause."""
        now = time.monotonic()
        with self._lock:
            due = {task: ids for task, ids in self._waiting.items() if ids or self._may_look(task, now)}
            for task in due:
                del self._waiting[task]
            if self._waiting:
                self._rung.set()
        self._look_again |= {task: now + LOOK_SECONDS for task, ids in due.items() if not ids}
        return due

    def _may_look(self, task: str, now: float) -> bool:
        return self._look_again.get(task, 0.0) <= now

    def _send(self, task: str, ids: list[str]) -> None:
        try:
            if not ids:
                current_app.send_task(task, ignore_result=True, retry=False, expires=30)
            for start in range(0, len(ids), IDS_PER_MESSAGE):
                chunk = ids[start : start + IDS_PER_MESSAGE]
                # Its own description spares Celery's walk through the arguments, a sixth of the message's cost.
                described: dict[str, Any] = {"argsrepr": f"<{len(chunk)} ids>", "kwargsrepr": "{}"}
                current_app.send_task(task, args=[chunk], ignore_result=True, retry=False, **described)
        except Exception as error:  # any broker trouble: the sweeper picks the work up
            log.warning("doorbell_unheard", task=task, count=len(ids), error=type(error).__name__)


_doorbell = Doorbell()


def ring_on_commit(task: str, ids: list[str] | None = None) -> None:
    """Ask for `task(ids)`, without ids for `task()`; for an empty list there is nothing to do."""
    if ids == []:
        return
    transaction.on_commit(lambda: _doorbell.ring(task, ids or []))
