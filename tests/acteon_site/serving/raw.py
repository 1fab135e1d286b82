"""HTTP as bytes: what no client library would send, and what came back for it."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

WAIT = 30  # far more than any answer takes
HOST = b"Host: localhost\r\n"


@dataclass(frozen=True)
class Heard:
    """All that came until the server closed the connection, or until `enough` answers."""

    raw: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.raw)]

    def error(self) -> dict[str, Any]:
        """The body of the last answer."""
        body = json.loads(self.raw.rpartition(b"\r\n\r\n")[2])
        assert body.keys() >= {"error", "code", "message", "retryable"}
        return body


@dataclass(frozen=True)
class Wire:
    port: int
    key: str

    @property
    def signed(self) -> bytes:
        return f"Authorization: Bearer {self.key}\r\n".encode()

    def open(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)

    def send(self, *pieces: bytes, enough: int = 0, pause: float = 0.02) -> Heard:
        """Send the pieces one by one. Without `enough`, what comes until the server closes."""
        with self.open() as connection:
            self._send(connection, pieces, pause)
            return hear(connection, enough)

    @staticmethod
    def _send(connection: socket.socket, pieces: Iterable[bytes], pause: float) -> None:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused meanwhile: what it says is still to be read


def hear(connection: socket.socket, enough: int = 0) -> Heard:
    heard = Heard(b"", False)
    while not enough or _complete(heard.raw) < enough:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            return Heard(heard.raw, True)
        heard = Heard(heard.raw + data, False)
    return heard


def _complete(raw: bytes) -> int:
    """How many whole answers there are; each of the gateway's has its length."""
    count = 0
    while (head := re.match(rb"HTTP/1\.1 (.*?)\r\n\r\n", raw, re.DOTALL)) is not None:
        length = re.search(rb"content-length: (\d+)", head[1].lower())
        end = head.end() + (int(length[1]) if length else 0)
        if len(raw) < end:
            break
        raw, count = raw[end:], count + 1
    return count
