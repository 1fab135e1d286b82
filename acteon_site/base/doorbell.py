"""Rings Celery after a commit, from a thread of its own.

The database row is the truth and a sweeper finds whatever was not rung, so a broker that is slow or gone must
neither delay nor fail the request that committed. The first ring goes out at once; those within the next
PAUSE_SECONDS share a message by task, since each message costs a millisecond of processor time.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from typing import Any

import structlog
from celery import current_app
from django.db import transaction

log = structlog.get_logger()
PAUSE_SECONDS = 0.05
IDS_PER_MESSAGE = 50


class Doorbell:
    def __init__(self) -> None:
        self._pid = 0
        self._lock = threading.Lock()
        self._waiting: dict[str, list[str]] = defaultdict(list)
        self._rung = threading.Event()

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
            with self._lock:
                waiting, self._waiting = self._waiting, defaultdict(list)
            for task, ids in waiting.items():
                self._send(task, ids)
            threading.Event().wait(PAUSE_SECONDS)

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
