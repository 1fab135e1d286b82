"""What each process makes for itself: threads do not fork, and sockets and loops must not be shared."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Made at its first use. A forked child makes its own, and leaves what it has inherited untouched: closing
    or collecting that would reach into the parent, whose descriptors it shares."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._inherited: list[T] = []
        self._made: T | None = None
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forked)

    def get(self) -> T:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def replace(self) -> T | None:
        """Forget what is made; returns it, for its owner to close."""
        with self._lock:
            made, self._made = self._made, None
        return made

    def _forked(self) -> None:
        if self._made is not None:
            self._inherited.append(self._made)
        self._made = None
        self._lock = threading.Lock()  # another thread may hold the inherited one for ever
