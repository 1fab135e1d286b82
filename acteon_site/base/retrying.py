"""Transactions that lost a deadlock are run again, whole."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection

P = ParamSpec("P")
R = TypeVar("R")
TRIES = 6
# deadlock_detected, serialization_failure, lock_not_available
AGAIN = frozenset({"40P01", "40001", "55P03"})


def retry_on_deadlock(function: Callable[P, R]) -> Callable[P, R]:
    """Repeat a function that opens one transaction of its own and has no effect outside it."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(1, TRIES):
            try:
                return function(*args, **kwargs)
            except OperationalError as error:
                if not may_retry(error):
                    raise
                time.sleep(random.uniform(0.01, 0.05) * attempt)
        return function(*args, **kwargs)

    return wrapped


def database_is_away(error: Exception) -> bool:
    """Whether nobody was reached, or was about to go. Not one that refuses a statement: that has its own reason."""
    if isinstance(error, OperationalError):
        state = getattr(error.__cause__, "sqlstate", None)
        return state is None or state.startswith(("08", "57"))
    return isinstance(error, InterfaceError)


def may_retry(error: OperationalError) -> bool:
    """A deadlock's victim, outside any enclosing transaction (which is broken by then)."""
    return getattr(error.__cause__, "sqlstate", None) in AGAIN and not connection.in_atomic_block
