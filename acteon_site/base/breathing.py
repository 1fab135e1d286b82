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


class _Own(threading.local):
    """Of something large: the processor time and the clock when it breathed last."""

    since: float | None = None
    at = 0.0


_own = _Own()


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
    _begin()
    try:
        yield
    finally:
        _own.since = None


def breathe() -> float:
    """For how many seconds it waited; 0 in a thread that does nothing large."""
    since = _own.since
    # No thread has worked longer than a clock has run, and that is quicker to read.
    if since is None or (started := time.monotonic()) - _own.at < SLICE:
        return 0.0
    worked = time.thread_time() - since
    if worked < SLICE:
        return 0.0
    with _changed:
        _changed.wait_for(lambda: not _served, min(SHARE * worked, LONGEST))
    _begin()
    return _own.at - started


def _begin() -> None:
    _own.since, _own.at = time.thread_time(), time.monotonic()


def in_breaths(items: Iterable[T]) -> Iterable[T]:
    """The items; in something large with a breath after each."""
    return _with_breaths(items) if is_large() else items


def _with_breaths(items: Iterable[T]) -> Iterator[T]:
    for item in items:
        yield item
        breathe()


def is_large() -> bool:
    """Whether this thread does something large."""
    return _own.since is not None


def _leave(thread: int) -> None:
    with _changed:
        _served.discard(thread)
        if not _served:
            _changed.notify_all()
