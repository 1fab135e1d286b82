"""A queue in which nobody waits for another's backlog: whose turn it was goes behind the others."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Of each owner the oldest first; the owners in turn."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Hashable, deque[T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __iter__(self) -> Iterator[T]:
        for queue in self._waiting.values():
            yield from queue

    def put(self, owner: Hashable, item: T) -> None:
        self._waiting.setdefault(owner, deque()).append(item)

    def pop(self) -> T:
        """Raises KeyError where nobody waits."""
        owner, queue = self._waiting.popitem(last=False)
        item = queue.popleft()
        if queue:
            self._waiting[owner] = queue
        return item
