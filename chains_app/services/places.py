"""Whether a run's next call may begin now: a provider has so many calls in flight in one process, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum


class Place(Enum):
    FREE = "free"  # it begins
    NEAR = "near"  # the run keeps its lease and waits in this process for one that ends
    NONE = "none"  # the run gives its lease back


@dataclass(frozen=True, slots=True)
class Room:
    """How many more calls to a provider may begin, how many more runs may wait for one, and what others do instead.

    `again`: after how long a run that finds no room is due again.
    """

    free: Callable[[str], int]
    near: Callable[[str], int]
    again: timedelta


@dataclass(slots=True)
class Places:
    """Those of one transaction; without a room as many as are asked for."""

    room: Room | None = None
    _given: Counter[tuple[str, Place]] = field(default_factory=Counter)

    def take(self, provider: str) -> Place:
        place = self._place(provider)
        self._given[provider, place] += 1
        return place

    def _place(self, provider: str) -> Place:
        if self.room is None or self._given[provider, Place.FREE] < self.room.free(provider):
            return Place.FREE
        return Place.NEAR if self._given[provider, Place.NEAR] < self.room.near(provider) else Place.NONE
