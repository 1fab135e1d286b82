"""The ASGI application behind a real server, and a client that reads frames."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from django.db import connection

from acteon_site.http.bodies import GatewayHandler
from audit_app.api.views_stream import hub


@dataclass
class Frame:
    id: str | None = None
    event: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class Reader:
    """Reads one stream in a thread and keeps what came."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._url, self._headers = url, headers
        self.frames: list[Frame] = []
        self.comments = 0
        self.status = 0
        self.body = b""
        self.ended = threading.Event()
        self._opened = threading.Event()
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def open(self) -> Reader:
        self._thread.start()
        assert self._opened.wait(60), "the stream did not open"
        return self

    def _read(self) -> None:
        try:
            with httpx.stream("GET", self._url, headers=self._headers, timeout=httpx.Timeout(60)) as answer:
                self.status = answer.status_code
                if answer.status_code != 200:
                    self.body = answer.read()
                    self._opened.set()
                    return
                self._read_lines(answer)
        except httpx.HTTPError:
            pass
        finally:
            self.ended.set()

    def _read_lines(self, answer: httpx.Response) -> None:
        frame = Frame()
        for line in answer.iter_lines():
            if self._leave.is_set():
                return
            if line.startswith(":"):
                self.comments += 1
                self._opened.set()
            elif line:
                name, _, value = line.partition(": ")
                if name == "data":
                    frame.data = json.loads(value)
                else:
                    setattr(frame, name, value)
            elif frame.event:
                self.frames.append(frame)
                frame = Frame()

    def wait_for(self, count: int, seconds: float = 60) -> list[Frame]:
        deadline = time.monotonic() + seconds
        while len(self.frames) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.frames) >= count, f"{len(self.frames)} of {count} frames came"
        return self.frames

    def ids(self) -> list[int]:
        return [int(frame.id) for frame in self.frames if frame.id]


@dataclass(frozen=True)
class Service:
    base: str

    def read(self, path: str, **headers: str) -> Reader:
        return Reader(
            self.base + path, {name.replace("_", "-"): value for name, value in headers.items()}
        ).open()


@contextmanager
def pooled() -> Iterator[None]:
    """With PostgreSQL's connections kept, as in production. Each request has a thread of its own, so that without
    a pool it opens one: that costs more than most requests."""
    if connection.vendor != "postgresql":
        yield
        return
    options = connection.settings_dict["OPTIONS"]
    connection.close()
    options["pool"] = {"min_size": 0, "max_size": 20}
    try:
        yield
    finally:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        del options["pool"]


@contextmanager
def serving() -> Iterator[Service]:
    with pooled(), socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            GatewayHandler(), log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: server.run(sockets=[bound]), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield Service(f"http://127.0.0.1:{bound.getsockname()[1]}")
        finally:
            hub.stop()
            server.should_exit = True
            thread.join(10)
