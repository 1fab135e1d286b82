"""The deadline of a call that blocks its thread: every wait inside gets what is left of the whole."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_deadline: ContextVar[float] = ContextVar("call_deadline")


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Everything that this thread sends and receives inside must be over in `seconds`."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining() -> float:
    """Seconds left. Raises TimeoutError when nothing is."""
    left = _deadline.get(time.monotonic() + 60) - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for this call is over")
    return left


def is_over() -> bool:
    """Whether the time of the call that this thread makes has run out."""
    return _deadline.get(math.inf) <= time.monotonic()
