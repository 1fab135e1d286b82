"""Wake-ups through Redis survive a lost connection."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django_eventstream.views import get_listener_manager

from audit_app.services.wake import CHANNEL
from audit_app.stream import signal
from audit_app.stream.signal import WakeSignal

NAME = "audit-wake-test"
pytestmark = pytest.mark.services


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    settings.EVENTSTREAM_REDIS = {**settings.EVENTSTREAM_REDIS, "client_name": NAME}
    monkeypatch.setattr(get_listener_manager(), "redis_listener", object())
    monkeypatch.setattr(get_listener_manager(), "redis_listener_started", False)
    monkeypatch.setattr(signal, "RESTART_SECONDS", 0.1)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client


def listening(server: redis.Redis) -> list[dict[str, str]]:
    found: Any = server.client_list()
    return [client for client in found if client["name"] == NAME and client["sub"] == "1"]


def wait_until(check: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def publish(server: redis.Redis) -> None:
    message = {"channel": CHANNEL, "event_type": CHANNEL, "data": "{}", "pub_id": None}
    server.publish("events_channel", json.dumps(message))


def test_a_lost_connection_is_replaced(server: redis.Redis) -> None:
    rung = threading.Event()
    wake = WakeSignal(rung)
    wake.start()
    try:
        wait_until(lambda: listening(server))
        publish(server)
        assert rung.wait(60)
        for number in range(2):
            (before,) = listening(server)
            if number:
                wake.renew()
            else:
                server.client_kill_filter(_id=before["id"])
            wait_until(lambda before=before: [c for c in listening(server) if c["id"] != before["id"]])
            rung.clear()
            publish(server)
            assert rung.wait(60)
    finally:
        wake.stop()
    wait_until(lambda: not listening(server))
    assert CHANNEL not in get_listener_manager().listeners_by_channel
