"""Providers that cost next to nothing: they answer at once, after a while, or not at all, to any number of callers.

`python -m bench.answering --port 9001`

The first word of a path is the provider. GET /_delay/NAME/MILLISECONDS sets what its answers take (`*`: everybody's),
GET /_stats tells of calls, and how many were under way at most since it was asked last.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import httpx

from bench.gateway import ROOT
from bench.services import free_port, wait_for

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


class Answers:
    """What all connections share."""

    def __init__(self) -> None:
        self.delays: dict[str, float] = {}
        self.calls = self.under_way = self.most = 0

    def begin(self) -> None:
        self.calls += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)

    def control(self, words: list[str]) -> dict[str, Any]:
        if words[0] == "_delay":
            name, seconds = words[1], float(words[2]) / 1000
            self.delays = {"*": seconds} if name == "*" else self.delays | {name: seconds}
            return {"delays": self.delays}
        told = {"calls": self.calls, "under_way": self.under_way, "most": self.most}
        self.most = self.under_way
        return told


class Connection(asyncio.Protocol):
    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.buffer = b""
        self.waiting = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.answers.under_way -= self.waiting
        self.waiting = 0

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(HEAD_END)) >= 0:
            whole = end + len(HEAD_END) + length_of(self.buffer[:end])
            if len(self.buffer) < whole:
                return
            head, self.buffer = self.buffer[:end], self.buffer[whole:]
            self.asked(head.split(b" ", 2)[1].decode())

    def asked(self, path: str) -> None:
        words = path.strip("/").split("/")
        if words[0].startswith("_"):
            self.send(self.answers.control(words))
            return
        self.answers.begin()
        self.waiting += 1
        seconds = self.answers.delays.get(words[0], self.answers.delays.get("*", 0.0))
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self.answer)
        else:
            self.answer()

    def answer(self) -> None:
        if self.waiting:
            self.waiting -= 1
            self.answers.under_way -= 1
            self.send({"logged": True, "id": self.answers.calls})

    def send(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        if not self.transport.is_closing():
            self.transport.write(head % len(content) + content)


def length_of(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.find(LENGTH)
    return int(lowered[start + len(LENGTH) :].split(b"\r\n", 1)[0]) if start >= 0 else 0


class Provider:
    """One that runs in a process of its own."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def delay(self, name: str, seconds: float) -> None:
        """`*` forgets all others."""
        self._ask(f"/_delay/{name}/{seconds * 1000:.0f}")

    def stats(self) -> dict[str, int]:
        return dict(self._ask("/_stats"))

    def _ask(self, path: str) -> Any:
        return httpx.get(self.url + path, timeout=5, trust_env=False).raise_for_status().json()

    def answers(self) -> bool:
        try:
            return bool(self.stats())
        except httpx.HTTPError:
            return False


@contextmanager
def provider(log: Path) -> Iterator[Provider]:
    port = free_port()
    with log.open("ab") as stream:
        command = [sys.executable, "-m", "bench.answering", "--port", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=stream, stderr=stream)
    try:
        running = Provider(port)
        wait_for(running.answers, 20, "the provider")
        yield running
    finally:
        process.kill()
        process.wait()


async def serve(port: int) -> None:
    answers = Answers()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(answers), "127.0.0.1", port, backlog=2048
    )
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    with suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(serve(given.port))


if __name__ == "__main__":
    main()
