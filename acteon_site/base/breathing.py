"""Large requests make way for the rest: all threads of a process share one interpreter, and one at a time has it.

Without this a large request takes every second slice of it, and an order beside it takes twice as long. What is large
calls `breathe` again and again while it works: it waits there for as long as anything else is being served, but never
longer than SHARE times what it has worked since, so that it comes to its end whatever else there is to do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

SLICE = 0.001  # seconds of the processor between two breaths, at least
SHARE = 9.0  # times what it has worked: of a busy interpreter it gets a tenth
LONGEST = 0.25  # seconds of one breath

T = TypeVar("T")

_changed = threading.Condition()
_served: set[int] = set()  # threads that serve something that is not large
_own = threading.local()


@contextmanager
def served() -> Iterator[None]:
    """This thread serves a request, which large ones make way for."""
    thread = threading.get_ident()
    with _changed:
        _served.add(thread)
    try:
        yield
    finally:
        _leave(thread)


@contextmanager
def making_way() -> Iterator[None]:
    """What this thread does from here on is large."""
    _leave(threading.get_ident())
    _own.since = time.thread_time()
    try:
        yield
    finally:
        del _own.since


def breathe() -> float:
    """For how many seconds it waited; 0 in a thread that does nothing large."""
    since: float | None = getattr(_own, "since", None)
    if since is None:
        return 0.0
    worked = time.thread_time() - since
    if worked < SLICE:
        return 0.0
    started = time.monotonic()
    with _changed:
        _changed.wait_for(lambda: not _served, min(SHARE * worked, LONGEST))
    _own.since = time.thread_time()
    return time.monotonic() - started


def in_breaths(items: Iterable[T]) -> Iterable[T]:
    """The items; in something large with a breath after each."""
    return _with_breaths(items) if is_large() else items


def _with_breaths(items: Iterable[T]) -> Iterator[T]:
    for item in items:
        yield item
        breathe()


def is_large() -> bool:
    """Whether this thread does something large."""
    return getattr(_own, "since", None) is not None


def _leave(thread: int) -> None:
    with _changed:
        _served.discard(thread)
        if not _served:
            _changed.notify_all()
