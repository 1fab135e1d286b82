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
LISTS = "lists"
QUOTAS = "quotas"
SILENCES = "silences"
CHAINS = "chains"
PROVIDERS = "providers"
LIFECYCLES = "lifecycles"
REDACTION = "redaction"
TEMPLATES = "templates"
APPROVALS = "approvals"
SUBSCRIPTIONS = "subscriptions"
RECURRING = "recurring"


def touch(area: str) -> None:
    """Tell every process that `area` changed. Call it inside the transaction that changes it."""
    from acteon_site.models import ConfigStamp

    if not ConfigStamp.objects.filter(area=area).update(version=F("version") + 1):
        ConfigStamp.objects.update_or_create(area=area, defaults={"version": 1})
    transaction.on_commit(_versions_seen.expire)


def version_stored(area: str) -> int:
    """As the database has it now; 0 before the area's first change. After `touch`, the number of that change."""
    from acteon_site.models import ConfigStamp

    return ConfigStamp.objects.filter(area=area).values_list("version", flat=True).first() or 0


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
    `renew`, where given, makes the new value of the one held, for what is too large to load anew each time.
    """

    def __init__(self, area: str, load: Callable[[], T], renew: Callable[[T], T] | None = None) -> None:
        self._area = area
        self._load = load
        self._renew = renew
        self._held: tuple[tuple[int, int], T] | None = None

    def get(self) -> T:
        version = _versions_seen.version(self._area)
        held = self._held
        if held is None or held[0] != version:
            with from_primary():  # an older state must not be kept as this version's
                held = (version, self._loaded(version[0]))
            self._held = held
        return held[1]

    def _loaded(self, generation: int) -> T:
        held = self._held
        if self._renew is None or held is None or held[0][0] != generation:
            return self._load()
        return self._renew(held[1])
