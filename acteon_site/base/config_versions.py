"""Configuration caches that every process refreshes within half a second of a change.

A change calls `touch(area)` inside its transaction. Readers hold a `ConfigCache`; all caches of a process
share one look at the areas' versions, at most every CHECK_SECONDS.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import transaction
from django.db.models import F

from acteon_site.base.replica import from_primary

T = TypeVar("T")
CHECK_SECONDS = 0.5

RULES = "rules"
QUOTAS = "quotas"
CHAINS = "chains"
PROVIDERS = "providers"
LIFECYCLES = "lifecycles"
REDACTION = "redaction"
TEMPLATES = "templates"


def touch(area: str) -> None:
    """Tell every process that `area` changed. Call it inside the transaction that changes it."""
    from acteon_site.models import ConfigStamp

    if not ConfigStamp.objects.filter(area=area).update(version=F("version") + 1):
        ConfigStamp.objects.update_or_create(area=area, defaults={"version": 1})
    transaction.on_commit(_versions_seen.expire)


class _Versions:
    """The versions of all areas as this process last saw them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._versions: dict[str, int] = {}
        self._checked = 0.0
        self.generation = 0

    def expire(self) -> None:
        self._checked = 0.0

    def reset(self) -> None:
        """Forget everything, cached values included (tests roll back what a cache has read)."""
        self.generation += 1
        self._checked = 0.0

    def version(self, area: str) -> tuple[int, int]:
        if time.monotonic() - self._checked >= CHECK_SECONDS or not self._checked:
            self._look()
        return self.generation, self._versions.get(area, 0)

    def _look(self) -> None:
        from acteon_site.models import ConfigStamp

        # The moment is taken before the read: a change during it is seen at the next look.
        started = time.monotonic()
        with from_primary():
            versions = dict(ConfigStamp.objects.values_list("area", "version"))
        with self._lock:
            self._versions, self._checked = versions, started


_versions_seen = _Versions()


def expire() -> None:
    """Look again before the next decision of this process."""
    _versions_seen.expire()


def reset() -> None:
    _versions_seen.reset()


class ConfigCache(Generic[T]):
    """One area's configuration in memory, reloaded when its version moves.

    The version is read before the load, so that a change between the two costs one more load and is never missed.
    """

    def __init__(self, area: str, load: Callable[[], T]) -> None:
        self._area = area
        self._load = load
        self._held: tuple[tuple[int, int], T] | None = None

    def get(self) -> T:
        version = _versions_seen.version(self._area)
        held = self._held
        if held is None or held[0] != version:
            with from_primary():  # an older state must not be kept as this version's
                held = (version, self._load())
            self._held = held
        return held[1]
