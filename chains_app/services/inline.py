"""Advancing runs from inside a request, for as long as the request may wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from uuid import UUID

import structlog
from django.db import connection

from acteon_site.base.clock import db_now
from chains_app.models import Run
from chains_app.selectors import providers
from chains_app.services.advance import run_advance

log = structlog.get_logger()
THREADS = 16
_pool: ThreadPoolExecutor | None = None
_pool_lock = threading.Lock()


def runs_within(run_ids: Sequence[UUID], called: Sequence[str], seconds: float) -> None:
    """Advance these runs; return when all have ended, or when the time is over (they go on in the background).

    `called` names their providers: where all answer at once (`log`) no thread is needed.
    """
    if not run_ids:
        return
    if all(_instant(name) for name in called):
        for run_id in run_ids:
            run_advance(run_id)
        return
    ends = time.monotonic() + seconds
    futures = [_threads().submit(_until_ended, run_id, ends) for run_id in run_ids]
    wait(futures, timeout=seconds)
    _log_failures(futures)


def _instant(name: str) -> bool:
    settings = providers().get(name)
    # Inside a transaction (only a test's own is possible here) other threads would not see the run.
    return settings is None or settings.kind == "log" or connection.in_atomic_block


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(THREADS, thread_name_prefix="inline-run")
    return _pool


def _until_ended(run_id: UUID, ends: float) -> None:
    """Advance, and where a retry is due within the request's time, wait for it."""
    try:
        while run_advance(run_id) and (pause := _pause(run_id)) is not None:
            if time.monotonic() + pause > ends:
                return
            connection.close()
            time.sleep(pause)
    finally:
        connection.close()


def _pause(run_id: UUID) -> float | None:
    due = Run.objects.filter(pk=run_id, ended_at__isnull=True).values_list("next_run_at", flat=True).first()
    return max(0.0, (due - db_now()).total_seconds()) + 0.01 if due else None


def _log_failures(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        if future.done() and (error := future.exception()):
            log.error("inline_run_failed", error=type(error).__name__)
