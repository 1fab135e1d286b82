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
# How often to look at a run whose lease another process holds: soon at first, then less often.
LOOK_SECONDS, LOOK_LESS, LOOK_MOST = 0.02, 1.5, 0.25
# How long a cancel waits for what it asked for: as long as undoing a step usually takes.
CANCEL_SECONDS = 5.0
_pool: ThreadPoolExecutor | None = None
_pool_lock = threading.Lock()


def runs_within(run_ids: Sequence[UUID], called: Sequence[str], seconds: float) -> None:
    """Advance these runs; return when all have ended, or when the time is over (they go on in the background).

    A worker may be faster and hold a run's lease: then its end is waited for here.
    `called` names their providers: where all answer at once (`log`) no thread is needed.
    """
    if not run_ids:
        return
    ends = time.monotonic() + seconds
    if all(_instant(name) for name in called):
        for run_id in run_ids:
            if not run_advance(run_id):
                _until_ended(run_id, ends)
        return
    futures = [_threads().submit(_in_thread, run_id, ends) for run_id in run_ids]
    wait(futures, timeout=seconds)
    _log_failures(futures)


def run_settle(run_id: UUID, seconds: float) -> None:
    """Advance a run and those below it until it has ended or waits for a person, or the time is over.

    What is not over by then goes on in the background, as does what another process has under its lease.
    """
    ends, look = time.monotonic() + seconds, LOOK_SECONDS
    started: dict[UUID, Future[None]] = {}
    while (pauses := _pauses(run_id, look)) and time.monotonic() + min(pauses.values()) < ends:
        due = [one for one, pause in pauses.items() if pause == 0 and not _under_way(started.get(one))]
        for one in due:
            started[one] = _advance(one)
        if not due or not connection.in_atomic_block:
            _sleep(look)
            look = min(look * LOOK_LESS, LOOK_MOST)
    _log_failures(list(started.values()))


def _pauses(run_id: UUID, look: float) -> dict[UUID, float]:
    """`_pause` of the run and of those below it that time will move; empty once the run has ended."""
    family, level = [], [run_id]
    while level:
        family += level
        level = list(Run.objects.filter(parent__in=level, ended_at__isnull=True).values_list("pk", flat=True))
    if Run.objects.filter(pk=run_id, ended_at__isnull=False).exists():
        return {}
    return {one: pause for one in family if (pause := _pause(one, look)) is not None}


def _under_way(future: Future[None] | None) -> bool:
    return future is not None and not future.done()


def _advance(run_id: UUID) -> Future[None]:
    """In a thread, so that a slow provider holds nobody up; in a test's own transaction here and now."""
    if not connection.in_atomic_block:
        return _threads().submit(_once_in_thread, run_id)
    done: Future[None] = Future()
    run_advance(run_id)
    done.set_result(None)
    return done


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


def _once_in_thread(run_id: UUID) -> None:
    try:
        run_advance(run_id)
    finally:
        connection.close()


def _in_thread(run_id: UUID, ends: float) -> None:
    try:
        run_advance(run_id)
        _until_ended(run_id, ends)
    finally:
        connection.close()


def _until_ended(run_id: UUID, ends: float) -> None:
    """Advance it whenever it is due and free: after a retry's pause, or when another's lease has run out."""
    look = LOOK_SECONDS
    while (pause := _pause(run_id, look)) is not None:
        if time.monotonic() + pause > ends:
            return
        if pause == 0:
            run_advance(run_id)
            continue
        _sleep(pause)
        look = min(look * LOOK_LESS, LOOK_MOST)


def _pause(run_id: UUID, look: float) -> float | None:
    """Seconds until it can be advanced (`look`, where its lease is held); None where no time will move it."""
    moving = Run.objects.filter(pk=run_id, ended_at__isnull=True, next_run_at__isnull=False)
    found = moving.values_list("next_run_at", "lease_until").first()
    if found is None:
        return None
    (due, taken_until), now = found, db_now()
    if taken_until is not None and taken_until > now:
        return look
    return (due - now).total_seconds() + 0.01 if due and due > now else 0


def _sleep(seconds: float) -> None:
    if seconds > LOOK_MOST / 2 and not connection.in_atomic_block:
        connection.close()  # others may need it meanwhile
    time.sleep(seconds)


def _log_failures(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        if future.done() and (error := future.exception()):
            log.error("inline_run_failed", error=type(error).__name__)
