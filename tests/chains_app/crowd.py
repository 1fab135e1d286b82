"""A server for hundreds at once, which does as the path says and knows how many it served at the same time."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b'{"ok":true}'
# What a peer does with a request of that path: the bytes that it sends before it hangs up.
SENDS = {
    "/garbage": b"SSH-2.0-OpenSSH\r\n",
    "/half-head": b"HTTP/1.1 200 OK\r\nContent-",
    "/half-body": b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b'{"ok"',
    "/half-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n" + b'{"ok"',
    "/two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}\n",
    "/endless-head": b"HTTP/1.1 200 OK\r\n" + b"X-Long: %s\r\n" % (b"x" * 60_000) * 3,
    "/hang-up": b"",
    "/closes": OK,  # without a word of it beforehand
    "/until-the-end": b"HTTP/1.1 200 OK\r\n\r\n" + b'{"ok":true}',
}


class Crowd:
    """`most` and `now` are requests being served, by path; `order` is the order in which they came."""

    def __init__(self) -> None:
        self.port = 0
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.order: list[str] = []
        self.connections = 0
        self.open = 0
        self.expected = 1
        self._loop: asyncio.AbstractEventLoop
        self._gates: dict[str, asyncio.Event] = {}

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def let_go(self, path: str = "/held") -> None:
        """Answer all that are held there, now and from now on."""
        self._loop.call_soon_threadsafe(self._gate(path).set)

    def _gate(self, path: str) -> asyncio.Event:
        return self._gates.setdefault(path, asyncio.Event())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._answer(reader, writer):
                pass
        with suppress(OSError, asyncio.CancelledError):
            writer.close()
            await writer.wait_closed()
        self.open -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (line for line in head.lower().split("\r\n") if line.startswith("content-length:")), ":0"
        )
        body = await reader.readexactly(int(length.partition(":")[2]))
        path = head.split(" ")[1]
        self.order.append(body.decode())
        self.now[path] += 1
        self.most[path] = max(self.most[path], self.now[path])
        try:
            return await self._act(path, reader, writer)
        finally:
            self.now[path] -= 1

    async def _act(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if path in SENDS:
            writer.write(SENDS[path])
            await writer.drain()
            return False
        if path == "/together" and self.now[path] >= self.expected:
            self._gate(path).set()
        if path in ("/held", "/together"):
            await self._gate(path).wait()
        elif path == "/slow":
            await asyncio.sleep(0.01)
        elif path == "/drip":
            return await self._drip(writer)
        elif path == "/hang":
            return bool(await reader.read(1))  # until the other side has gone
        writer.write(OK)
        await writer.drain()
        return True

    async def _drip(self, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)
        return False


@contextmanager
def crowd_served() -> Iterator[Crowd]:
    crowd, ready, over = Crowd(), threading.Event(), threading.Event()

    async def main() -> None:
        server = await asyncio.start_server(crowd.serve, "127.0.0.1", 0, backlog=1000)
        crowd.port = server.sockets[0].getsockname()[1]
        crowd._loop = asyncio.get_running_loop()
        ready.set()
        await asyncio.to_thread(over.wait)
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    ready.wait(60)
    try:
        yield crowd
    finally:
        over.set()
        thread.join(10)
