"""Database connections of this thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from django.db import connection, connections
from django.db.models import Model, QuerySet

from acteon_site.base.breathing import breathe, in_breaths, is_large

CHUNK = 50  # rows
# A connection that was idle for longer is tried before it is used: the server may have been started anew.
IDLE_SECONDS = 1.0

M = TypeVar("M", bound=Model)
T = TypeVar("T")
_used = threading.local()


def release_connections() -> None:
    """Give them back: whoever waits for something else holds none."""
    for opened in connections.all(initialized_only=True):
        if not opened.in_atomic_block:
            opened.close()


def ready_connection() -> None:
    """For a thread that keeps its connection: replace one that broke, in use or while nobody used it. Call it before
    each use: Django does so between requests only, and what comes all the time would fail for as long as it comes."""
    idle = time.monotonic() - getattr(_used, "at", 0.0)
    if connection.connection is not None and (idle > IDLE_SECONDS or connection.errors_occurred):
        if connection.is_usable():
            connection.errors_occurred = False
        else:
            connection.close()
    _used.at = time.monotonic()


@contextmanager
def breaths_between_statements() -> Iterator[None]:
    with ExitStack() as wrapped:
        for opened in connections.all():
            wrapped.enter_context(opened.execute_wrapper(after_a_breath))
        yield


def after_a_breath(execute: Callable[..., Any], *statement: Any) -> Any:
    if not connection.in_atomic_block:  # there may be rows locked that others want
        breathe()
    return execute(*statement)


def in_breaths_with_locks(items: Iterable[T]) -> Iterable[T]:
    """In a transaction, which locks rows of its own tenant. SQLite locks all, so there nobody is left waiting."""
    return in_breaths(items) if is_large() and connection.features.has_select_for_update else items


def unhurried(rows: QuerySet[M]) -> Iterable[M]:
    """The rows; in something large they are read and made in parts, with breaths between them."""
    return in_breaths(_in_parts(rows)) if is_large() else rows


def _in_parts(rows: QuerySet[M]) -> Iterator[M]:
    """Without cursors, which poolers do not keep, an answer of megabytes comes in one piece: so their keys come first.
    A row that is deleted meanwhile is left out."""
    keys = list(rows.values_list("pk", flat=True))
    alone = rows.model._base_manager.using(rows.db)
    for start in range(0, len(keys), CHUNK):
        part = keys[start : start + CHUNK]
        # Not `in_bulk`, which makes them all in one piece.
        found = {row.pk: row for row in in_breaths(alone.filter(pk__in=part).iterator(chunk_size=CHUNK))}
        yield from (found[key] for key in part if key in found)
