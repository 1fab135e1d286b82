"""Requests per key and time: GCRA, exact to the request, counted for all processes together in Redis.

Without Redis this process counts alone. A Redis that does not answer lets requests pass: a limit must not be
the reason why orders are refused.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import structlog
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from acteon_site.base.errors import AppError
from acteon_site.base.principals import Principal

log = structlog.get_logger()
# The key's theoretical arrival time, in microseconds, moves on by one interval per request that passes. Redis's own
# clock: those of the web processes differ. The answer is how many of them pass, and how long the next has to wait.
_SCRIPT = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local interval, burst, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local passed = math.max(0, math.min(count, math.floor((now - due) / interval) + burst))
if passed > 0 then
  due = due + passed * interval
  redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000))
end
return {passed, math.max(0, due - now - interval * (burst - 1))}
"""
_FORGET_EVERY = 10_000


class Limiter(Protocol):
    def take(self, name: str, count: int, *, interval: float, burst: int) -> tuple[int, float]:
        """How many of so many requests of this name pass now, and in how many seconds the next one would."""


class LocalLimiter:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}

    def take(self, name: str, count: int, *, interval: float, burst: int) -> tuple[int, float]:
        now = time.monotonic()
        with self._lock:
            due = max(self._due.get(name, 0.0), now)
            passed = max(0, min(count, math.floor((now - due) / interval) + burst))
            self._due[name] = due = due + passed * interval
            if len(self._due) > _FORGET_EVERY:
                self._due = {key: moment for key, moment in self._due.items() if moment > now}
        return passed, max(0.0, due - now - interval * (burst - 1))


class RedisLimiter:
    def __init__(self, url: str) -> None:
        import redis  # here: in embedded mode nobody needs it, and to import it takes a while

        client = redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)
        self._no_answer = redis.RedisError
        self._script = client.register_script(_SCRIPT)

    def take(self, name: str, count: int, *, interval: float, burst: int) -> tuple[int, float]:
        try:
            given = [int(interval * 1_000_000), burst, count]
            passed, micros = self._script(keys=[f"acteon:rate:{name}"], args=given)
        except self._no_answer as error:
            log.warning("rate_not_counted", error=type(error).__name__)
            return count, 0.0
        return int(passed), int(micros) / 1_000_000


@functools.lru_cache(maxsize=1)
def limiter() -> Limiter:
    return RedisLimiter(settings.REDIS_URL) if settings.REDIS_URL else LocalLimiter()


def rate_check(caller: Any) -> None:
    """Count a request of this caller. Raises 429 with Retry-After where its key sends too many."""
    if isinstance(caller, Principal) and (error := rates_check([caller])[0]):
        raise error


def rates_check(callers: Sequence[Principal]) -> list[AppError | None]:
    """Count requests of these callers, in order: for each None, or the 429 where its key sends too many."""
    if not settings.RATE_PER_MINUTE:
        return [None] * len(callers)
    names = [caller.credential or caller.caller_id for caller in callers]
    interval, burst = 60 / settings.RATE_PER_MINUTE, settings.RATE_BURST
    taken = {
        name: limiter().take(name, count, interval=interval, burst=burst)
        for name, count in Counter(names).items()
    }
    seen: Counter[str] = Counter()
    verdicts: list[AppError | None] = []
    for name in names:
        seen[name] += 1
        passed, wait = taken[name]
        too_late = seen[name] > passed
        message = f"more than {settings.RATE_PER_MINUTE} requests a minute; wait"
        verdicts.append(too_many(message, wait) if too_late else None)
    return verdicts


def too_many(message: str, wait: float) -> AppError:
    headers = {"Retry-After": str(max(1, math.ceil(wait)))}
    return AppError(message, "RATE_LIMITED", 429, retryable=True, headers=headers)


class KeyThrottle(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        rate_check(request.user)
        return True
