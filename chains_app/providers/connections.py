"""The open HTTP/1.1 connections of one event loop, each used by one call at a time and kept for the next.

A host is resolved once, every address of it is checked, and the connection goes to a checked address; TLS names
and verifies the host asked for. Everything here runs in the loop's thread.
"""

from __future__ import annotations

import asyncio
import select
import ssl
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import cast

import httpx

from chains_app.providers.outbound import check_addresses
from chains_app.providers.reading import Reading, Response
from chains_app.providers.resolving import Resolver

IDLE_SECONDS = 15.0
MOST_IDLE = 200
# No call is given as long; what a call may take decides.
HANDSHAKE_SECONDS = 600.0


class NotConnected(Exception):
    """There is no connection, so nothing was sent."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom a connection is to."""

    secure: bool
    host: str
    port: int


class Connection(asyncio.Protocol):
    """One connection. `reusable` once an answer was read to its end and both sides keep it open."""

    def __init__(self, origin: Origin, connections: Connections) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self._connections = connections
        self._reading: Reading | None = None
        self._transport: asyncio.Transport

    async def exchange(self, message: bytes, most_bytes: int) -> Response:
        """Send, and read the answer: all of it, or somewhat more than `most_bytes`. Raises Broken."""
        reading = self._reading = Reading(most_bytes)
        self._transport.write(message)
        return await reading.response

    @property
    def reusable(self) -> bool:
        transport, reading = self._transport, self._reading
        if transport.is_closing() or transport.get_write_buffer_size():
            return False
        return reading is None or reading.keeps_open

    def rest(self) -> None:
        """Nobody uses it for now."""
        self._reading, self.idle_since = None, time.monotonic()

    def is_silent(self) -> bool:
        """Whether nothing has come that the loop has not seen yet: of one at rest, that is the peer's goodbye."""
        if not self.reusable:
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def abort(self) -> None:
        """Close it at once, also where the peer of a TLS connection would not say goodbye."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.open.add(self)

    def data_received(self, data: bytes) -> None:
        if self._reading is None or self._reading.response.done():
            self.abort()  # nobody asked
        else:
            self._reading.feed(data)

    def eof_received(self) -> None:
        if self._reading is not None:
            self._reading.ended()
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.open.discard(self)
        if self._reading is not None:
            self._reading.broke()


class Connections:
    """`open` are all of them, in use or not."""

    def __init__(self) -> None:
        self.open: set[Connection] = set()
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._count = 0
        self._sweep: asyncio.TimerHandle | None = None
        self._resolver = Resolver()
        self._tls = httpx.create_ssl_context()
        self._tls.set_alpn_protocols(["http/1.1"])

    async def take(self, origin: Origin) -> Connection:
        """One of those at rest, or a new one. Raises NotConnected and RefusedAddress."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            self._count -= 1
            if _age(connection) < IDLE_SECONDS and connection.is_silent():
                return connection
            connection.abort()
        return await self._connect(origin)

    def give_back(self, connection: Connection) -> None:
        """Keep it for the next, if that is possible."""
        if not connection.reusable or self._count >= MOST_IDLE:
            connection.abort()
            return
        connection.rest()
        self._idle[connection.origin].append(connection)
        self._count += 1
        if self._sweep is None:
            self._sweep_later()

    async def _connect(self, origin: Origin) -> Connection:
        failure = NotConnected("the host has no address")
        for address in await self._addresses_of(origin):
            try:
                return await self._connect_to(address, origin)
            except OSError:  # a TLS handshake's errors are some, too
                failure = NotConnected("the connection failed")
        raise failure

    async def _addresses_of(self, origin: Origin) -> list[str]:
        try:
            addresses = await self._resolver.addresses_of(origin.host, origin.port)
        except (OSError, UnicodeError):
            raise NotConnected("the host name cannot be resolved") from None
        check_addresses(origin.host, origin.port, addresses)
        return addresses

    async def _connect_to(self, address: str, origin: Origin) -> Connection:
        tls: ssl.SSLContext | None = self._tls if origin.secure else None
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(origin, self),
            address,
            origin.port,
            ssl=tls,
            server_hostname=origin.host if tls else None,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if tls else None,
        )
        return connection

    def _sweep_later(self) -> None:
        self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS / 3, self._close_old)

    def _close_old(self) -> None:
        for origin, idle in list(self._idle.items()):
            fresh = [one for one in idle if _age(one) < IDLE_SECONDS and one.reusable]
            for old in set(idle) - set(fresh):
                old.abort()
            self._idle[origin] = fresh
            if not fresh:
                del self._idle[origin]
        self._count = sum(map(len, self._idle.values()))
        self._sweep = None
        if self._count:
            self._sweep_later()


def _age(connection: Connection) -> float:
    return time.monotonic() - connection.idle_since
