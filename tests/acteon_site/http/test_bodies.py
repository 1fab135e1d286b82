"""Bodies that arrive slowly, and large answers."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext
from django.http import HttpResponse

from acteon_site.http import bodies


def test_a_crowd_of_slow_senders_is_looked_up_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, counts = threading.Lock(), {"now": 0, "most": 0, "all": 0}

    def allowed(scope: Any) -> int:
        with lock:
            counts["now"] += 1
            counts["all"] += 1
            counts["most"] = max(counts["most"], counts["now"])
        time.sleep(0.005)
        with lock:
            counts["now"] -= 1
        return 0

    async def nothing_comes() -> Any:
        await asyncio.sleep(60)

    async def one() -> bytearray:
        async with ThreadSensitiveContext():  # as Django's handler gives each request a thread of its own
            return await bodies._body({}, nothing_comes)

    async def crowd() -> list[bytearray]:
        return await asyncio.gather(*(one() for _ in range(50)))

    monkeypatch.setattr(bodies, "_allowed", allowed)
    assert asyncio.run(crowd()) == [bytearray()] * 50
    assert counts["all"] == 50
    assert 1 < counts["most"] <= bodies.LOOKUPS


def test_between_two_pieces_of_a_large_answer_the_loop_sees_to_other_connections() -> None:
    sent: list[int] = []
    seen_to: list[int] = []

    async def send(message: Any) -> None:  # the socket takes all of it
        sent.append(len(message.get("body", b"")))

    async def others() -> None:
        while True:
            seen_to.append(len(sent))
            await asyncio.sleep(0)

    async def answer() -> None:
        beside = asyncio.create_task(others())
        await bodies.GatewayHandler().send_response(HttpResponse(b"x" * 1_000_000), send)
        beside.cancel()

    asyncio.run(answer())
    assert sum(sent) == 1_000_000
    assert len(set(seen_to)) >= len(sent) - 2 > 10
