"""Requests per key and time: GCRA, exact to the request, counted for all processes together in Redis.

Without Redis this process counts alone. A Redis that does not answer lets requests pass: a limit must not be
the reason why orders are refused.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from typing import Any, Protocol

import redis
import structlog
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from acteon_site.base.errors import AppError
from acteon_site.base.principals import Principal

log = structlog.get_logger()
# The key's theoretical arrival time, in microseconds, moves on by one interval per request that passes. Redis's own
# clock: those of the web processes differ. The answer is how long to wait, 0 where the request passes.
_SCRIPT = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local wait = due - now - interval * (burst - 1)
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.0f', due + interval), 'PX', math.ceil((due + interval - now) / 1000))
return 0
"""
_FORGET_EVERY = 10_000


class Limiter(Protocol):
    def wait(self, name: str, *, interval: float, burst: int) -> float:
        """Seconds until a request of this name passes; 0 means that it passes now and is counted."""


class LocalLimiter:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}

    def wait(self, name: str, *, interval: float, burst: int) -> float:
        now = time.monotonic()
        with self._lock:
            due = max(self._due.get(name, 0.0), now)
            wait = due - now - interval * (burst - 1)
            if wait > 0:
                return wait
            self._due[name] = due + interval
            if len(self._due) > _FORGET_EVERY:
                self._due = {key: moment for key, moment in self._due.items() if moment > now}
        return 0.0


class RedisLimiter:
    def __init__(self, url: str) -> None:
        client = redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)
        self._script = client.register_script(_SCRIPT)

    def wait(self, name: str, *, interval: float, burst: int) -> float:
        try:
            micros = self._script(keys=[f"acteon:rate:{name}"], args=[int(interval * 1_000_000), burst])
        except redis.RedisError as error:
            log.warning("rate_not_counted", error=type(error).__name__)
            return 0.0
        return int(micros) / 1_000_000


@functools.lru_cache(maxsize=1)
def limiter() -> Limiter:
    return RedisLimiter(settings.REDIS_URL) if settings.REDIS_URL else LocalLimiter()


def rate_check(caller: Any) -> None:
    """Count a request of this caller. Raises 429 with Retry-After where its key sends too many."""
    if not settings.RATE_PER_MINUTE or not isinstance(caller, Principal):
        return
    name = caller.credential or caller.caller_id
    wait = limiter().wait(name, interval=60 / settings.RATE_PER_MINUTE, burst=settings.RATE_BURST)
    if wait > 0:
        message = f"more than {settings.RATE_PER_MINUTE} requests a minute; wait"
        raise too_many(message, wait)


def too_many(message: str, wait: float) -> AppError:
    headers = {"Retry-After": str(max(1, math.ceil(wait)))}
    return AppError(message, "RATE_LIMITED", 429, retryable=True, headers=headers)


class KeyThrottle(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        rate_check(request.user)
        return True
