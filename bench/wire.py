"""A door between a web process and PostgreSQL that counts: statements and round trips, by what passes on the wire.

It reads the frontend's messages (https://www.postgresql.org/docs/current/protocol-message-formats.html). A statement is
an Execute or a simple Query. A round trip begins where the client sends after the server has spoken.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from bench.services import free_port

NO_STARTUP = (80877103, 80877104)  # asks for TLS and for GSS encryption; the startup follows


@dataclass(frozen=True)
class Seen:
    connection: int
    trip: int
    statement: str


@dataclass(frozen=True)
class Counts:
    statements: int
    trips: int


def before_commit(seen: Sequence[Seen]) -> Counts:
    """Up to the first COMMIT of a connection that has inserted; all of it where there is none."""
    inserted: set[int] = set()
    counted: list[Seen] = []
    for one in seen:
        words = one.statement.lstrip(" (").upper()
        if words.startswith("COMMIT") and one.connection in inserted:
            break
        if "INSERT INTO" in words or words.startswith("COPY"):
            inserted.add(one.connection)
        counted.append(one)
    return Counts(len(counted), len({(one.connection, one.trip) for one in counted}))


@dataclass
class Reader:
    """One connection's messages of the client."""

    number: int
    buffer: bytes = b""
    started: bool = False
    trip: int = 0
    answered: bool = True
    prepared: dict[bytes, str] = field(default_factory=dict)
    portals: dict[bytes, str] = field(default_factory=dict)

    def sent(self, data: bytes) -> Iterator[Seen]:
        if self.answered:
            self.trip, self.answered = self.trip + 1, False
        self.buffer += data
        while (message := self._next()) is not None:
            kind, body = message
            statement = self._statement(kind, body)
            if statement is not None:
                yield Seen(self.number, self.trip, statement)

    def _next(self) -> tuple[bytes, bytes] | None:
        """Type (none at the start) and content of the next whole message."""
        skip = 1 if self.started else 0
        if len(self.buffer) < skip + 4:
            return None
        (length,) = struct.unpack_from("!I", self.buffer, skip)
        if len(self.buffer) < skip + length:
            return None
        kind, body = self.buffer[:skip], self.buffer[skip + 4 : skip + length]
        self.buffer = self.buffer[skip + length :]
        if not self.started:
            self.started = struct.unpack_from("!I", body)[0] not in NO_STARTUP
        return kind, body

    def _statement(self, kind: bytes, body: bytes) -> str | None:
        parts = body.split(b"\0")
        if kind == b"Q":
            return parts[0].decode()
        if kind == b"P":
            self.prepared[parts[0]] = parts[1].decode()
        elif kind == b"B":
            self.portals[parts[0]] = self.prepared.get(parts[1], "")
        elif kind == b"E":
            return self.portals.get(parts[0], "")
        return None


class Door:
    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self._server_port = server_port
        self._lock = threading.Lock()
        self._seen: list[Seen] = []
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._connections = 0

    def forget(self) -> None:
        with self._lock:
            self._seen = []

    def seen(self) -> list[Seen]:
        with self._lock:
            return list(self._seen)

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._connections += 1
            reader = Reader(self._connections)
            for pump in (self._to_server, self._to_client):
                threading.Thread(target=pump, args=(client, server, reader), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, reader: Reader) -> None:
        with suppress(OSError):
            for data in _chunks(client):
                with self._lock:
                    self._seen += reader.sent(data)
                server.sendall(data)
        server.close()

    def _to_client(self, client: socket.socket, server: socket.socket, reader: Reader) -> None:
        with suppress(OSError):
            for data in _chunks(server):
                with self._lock:
                    reader.answered = True
                client.sendall(data)
        client.close()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def _chunks(source: socket.socket) -> Iterator[bytes]:
    try:
        while data := source.recv(65536):
            yield data
    except OSError:
        return


@contextmanager
def door(server_port: int) -> Iterator[Door]:
    made = Door(server_port)
    threading.Thread(target=made.serve, daemon=True).start()
    try:
        yield made
    finally:
        made.close()
