"""Requests per key and time, and what a stream may cost."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from acteon_site.http import throttling
from acteon_site.http.throttling import Limiter, LocalLimiter, RedisLimiter
from tests.contract import shapes
from tests.contract.client import Strict
from tests.contract.strict import listed
from tests.world import Shop, order

LIMITERS = ["local", pytest.param("redis", marks=pytest.mark.services)]


@pytest.fixture
def limited(settings: Any) -> Iterator[None]:
    """Two at once, then one every half second."""
    settings.RATE_PER_MINUTE, settings.RATE_BURST, settings.REDIS_URL = 120, 2, ""
    throttling.limiter.cache_clear()
    yield
    throttling.limiter.cache_clear()


def wait_of(counted: Limiter, name: str, **rate: Any) -> float:
    """Seconds until one request of this name passes; 0 where it does now."""
    passed, wait = counted.take(name, 1, **rate)
    return 0 if passed else wait


def rules(client: Strict) -> None:
    client.get("/v1/rules", listed(shapes.RULE))


def test_there_is_no_limit_in_the_embedded_mode(client: Strict, settings: Any) -> None:
    assert settings.RATE_PER_MINUTE == 0
    for _ in range(50):
        rules(client)


def test_a_key_that_asks_too_often_waits(shop: Shop, limited: None) -> None:
    client = Strict(shop.secret)
    rules(client)
    rules(client)
    error = client.refused("POST", "/v1/dispatch", 429, "RATE_LIMITED", body=order())
    assert "120" in error["message"]
    assert client.last.headers["Retry-After"] == "1"
    client.refused("GET", "/v1/stream", 429, "RATE_LIMITED")
    time.sleep(0.6)
    rules(client)
    client.refused("GET", "/v1/rules", 429)


def test_keys_do_not_take_from_each_other(shop: Shop, limited: None) -> None:
    for secret in (shop.secret, Shop().secret):
        rules(Strict(secret))
        rules(Strict(secret))


def test_nothing_is_counted_before_a_caller_is_known(shop: Shop, limited: None) -> None:
    for _ in range(5):
        Strict().refused("GET", "/v1/rules", 401)
    rules(Strict(shop.secret))


@pytest.mark.parametrize("kind", LIMITERS)
def test_exactly_the_burst_passes_whatever_comes_at_once(kind: str) -> None:
    counted = LocalLimiter() if kind == "local" else RedisLimiter(os.environ["REDIS_URL"])
    name, waits = str(uuid4()), []

    def ask() -> None:
        waits.append(wait_of(counted, name, interval=60, burst=7))

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(1 for wait in waits if wait == 0) == 7
    assert all(0 < wait <= 60 for wait in waits if wait)


@pytest.mark.parametrize("kind", LIMITERS)
def test_one_passes_per_interval_after_the_burst(kind: str) -> None:
    counted = LocalLimiter() if kind == "local" else RedisLimiter(os.environ["REDIS_URL"])
    name = str(uuid4())
    assert wait_of(counted, name, interval=0.2, burst=1) == 0
    wait = wait_of(counted, name, interval=0.2, burst=1)
    assert 0 < wait <= 0.2
    time.sleep(wait + 0.01)
    assert wait_of(counted, name, interval=0.2, burst=1) == 0


def test_a_redis_that_is_gone_refuses_no_order() -> None:
    gone = RedisLimiter("redis://127.0.0.1:1/0")
    assert [wait_of(gone, "x", interval=60, burst=1) for _ in range(3)] == [0, 0, 0]


def test_forgotten_keys_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "_FORGET_EVERY", 10)
    counted = LocalLimiter()
    for number in range(50):
        wait_of(counted, f"key-{number}", interval=0.000_001, burst=1)
    assert len(counted._due) <= 11


def test_a_query_of_too_many_parameters_is_bad(client: Strict) -> None:
    query = "&".join(f"p{number}=1" for number in range(1001))
    client.refused("GET", f"/v1/audit?{query}", 400, "BAD_QUERY")
