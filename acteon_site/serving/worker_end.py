"""A Celery worker ends in time. What it has under way then is for the leases: its rows say what was begun.

Asked to stop, it lets its tasks end, however long they take; and a process of its pool waits half a minute for
its last result to be counted, which nobody does any more when the parent has just left its loop.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import structlog
from billiard import pool
from billiard.process import active_children
from celery.signals import worker_shutting_down

log = structlog.get_logger()
STOP_SECONDS = 8.0
# How long the calls in flight of a process of its pool have to end, and to be recorded.
CALLS_SECONDS = 6.0
COUNTED_SECONDS = 2.0


def end_in_time() -> None:
    """From now on a worker of this process has STOP_SECONDS from its signal to its end."""
    retries = COUNTED_SECONDS / pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_INTERVAL
    pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = int(retries)
    worker_shutting_down.connect(_start_watch, weak=False)


def _start_watch(exitcode: int = 0, **_: Any) -> None:
    watch = threading.Timer(STOP_SECONDS, _leave, (exitcode,))
    watch.daemon = True
    watch.start()


def _leave(exitcode: int) -> None:
    log.warning("stopped_with_work_under_way", parts=["worker"])
    for child in active_children():
        if child.pid:
            os.kill(child.pid, signal.SIGKILL)
    os._exit(exitcode)
