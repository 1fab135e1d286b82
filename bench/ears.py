"""Listeners to the stream as cheap as can be, in a process of their own, since a thousand sockets are work.

`python -m bench.ears PORT KEY FILE`: it says `open` when all are, and at the end of its input writes what passed from
an order to its event, in seconds, by the time that the order's id holds.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.gateway import ROOT
from bench.shop import SHOPS

LISTENERS = 1000
SENT = re.compile(rb'"action_id": ?"ord-at-(\d+)-')
OPEN_SECONDS = 120


@contextmanager
def ears(target: Path, port: int, key: str) -> Iterator[Callable[[], list[float]]]:
    """All of them are open. Afterwards what they heard: seconds from order to event."""
    target.unlink(missing_ok=True)
    command = [sys.executable, "-m", "bench.ears", str(port), key, str(target)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        told = process.stdout.readline()
        if told.strip() != "open":
            raise RuntimeError(f"listeners were not let in: {told}")
        yield lambda: json.loads(target.read_text())
    finally:
        process.stdin.close()  # they tell and end
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


class Ear(asyncio.Protocol):
    def __init__(self, request: bytes, delays: list[float], opened: asyncio.Semaphore) -> None:
        self.request, self.delays, self.opened = request, delays, opened
        self.rest, self.answered = b"", False

    def connection_made(self, transport: Any) -> None:
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.answered:
            self.answered = True
            self.opened.release()
        now = time.time_ns()
        text = self.rest + data
        self.delays += [(now - int(sent)) / 1e9 for sent in SENT.findall(text)]
        self.rest = text[text.rfind(b"\n") + 1 :]


async def listen(port: int, key: str, target: Path) -> None:
    loop = asyncio.get_running_loop()
    delays: list[float] = []
    opened = asyncio.Semaphore(0)
    for number in range(LISTENERS):
        path = f"/v1/stream?namespace=ecommerce&tenant=shop-{number % SHOPS}&event_type=action_dispatched"
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        await loop.create_connection(lambda request=request: Ear(request, delays, opened), "127.0.0.1", port)
        async with asyncio.timeout(OPEN_SECONDS):
            await opened.acquire()
    print("open", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    target.write_text(json.dumps(delays))


if __name__ == "__main__":
    asyncio.run(listen(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
