"""Outbound HTTP that cannot be turned against the inside: the address is resolved once, checked, and used.

Private, loopback, link-local, metadata, multicast and reserved addresses are refused, however a host spells
them, unless OUTBOUND_ALLOW lists the host, the host and port, or the network. One deadline bounds the whole
exchange: a peer that answers one byte at a time does not hold a worker.
"""

from __future__ import annotations

import ipaddress
import math
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

import httpcore
import httpx
from django.conf import settings

T = TypeVar("T")
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Python 3.11 takes these for global: protocol assignments (a cloud's metadata among them), 6to4 relays, and
# every IPv6 address outside what has been given out.
NOT_PUBLIC = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("192.88.99.0/24"))
GIVEN_OUT = ipaddress.ip_network("2000::/3")

_deadline: ContextVar[float] = ContextVar("outbound_deadline")


class RefusedAddress(Exception):
    """The host leads to an address that may not be called."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Everything that this thread sends and receives inside must be over in `seconds`."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining(limit: float | None, error: type[Exception]) -> float:
    """Seconds left, at most `limit`; raises `error` when nothing is."""
    left = _deadline.get(time.monotonic() + 60) - time.monotonic()
    if left <= 0:
        raise error("the time for this call is over")
    return left if limit is None else min(left, limit)


def is_over() -> bool:
    """Whether the time of the call that this thread makes has run out."""
    return _deadline.get(math.inf) <= time.monotonic()


def is_public(address: IPAddress) -> bool:
    """Whether an address is somebody else's on the open internet, addresses wrapped inside it included."""
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    if isinstance(address, ipaddress.IPv6Address) and address not in GIVEN_OUT:
        return False
    if any(address in network for network in NOT_PUBLIC):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_loopback)


def _embedded(address: IPAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address carries: mapped, 6to4, Teredo, NAT64, IPv4-compatible."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    teredo = address.teredo
    if address.ipv4_mapped or address.sixtofour or teredo:
        return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
    if address in NAT64 or 1 < int(address) < 2**32:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def is_allowed(host: str, port: int, address: IPAddress) -> bool:
    """Whether OUTBOUND_ALLOW lets this host or address through."""
    names = {host.lower(), f"{host.lower()}:{port}", f"[{host.lower()}]:{port}"}
    return any(entry.lower() in names or _in_network(address, entry) for entry in settings.OUTBOUND_ALLOW)


def _in_network(address: IPAddress, entry: str) -> bool:
    try:
        return address in ipaddress.ip_network(entry)
    except ValueError:
        return False


def checked_addresses(host: str, port: int, timeout: float) -> list[str]:
    """The addresses of a host, in the resolver's order. One that may not be called refuses them all."""
    addresses = _resolve(host, port, timeout)
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not (is_public(address) or is_allowed(host, port, address)):
            raise RefusedAddress("the host leads to an address that is not on the public internet")
    return addresses


def _resolve(host: str, port: int, timeout: float) -> list[str]:
    try:
        return addresses_of(host, port, timeout)
    except FutureTimeout:
        raise httpcore.ConnectTimeout("the host name was not resolved in time") from None
    except (OSError, UnicodeError):
        raise httpcore.ConnectError("the host name cannot be resolved") from None


def addresses_of(host: str, port: int, timeout: float) -> list[str]:
    """The addresses of a host, unchecked. Raises TimeoutError where the resolver takes longer."""
    found = in_time(timeout, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM))
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def in_time(timeout: float, ask: Callable[[], T]) -> T:
    """What a function of the resolver answers. Such take no timeout: the threads that hang in them are few,
    and whoever waits gives up in time."""
    return own().resolvers.submit(ask).result(timeout)


class BoundedStream(httpcore.NetworkStream):
    """A connection whose every wait ends with the deadline of the call that uses it."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, remaining(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, remaining(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = remaining(timeout, httpcore.ConnectTimeout)
        return BoundedStream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class CheckedBackend(httpcore.NetworkBackend):
    """Opens connections to checked addresses only. TLS still names and verifies the host asked for."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = checked_addresses(host, port, remaining(timeout, httpcore.ConnectTimeout))
        failure: Exception = httpcore.ConnectError("the host has no address")
        for address in addresses:
            try:
                left = remaining(timeout, httpcore.ConnectTimeout)
                return BoundedStream(self._inner.connect_tcp(address, port, left, None, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class Own:
    """What belongs to one process: its connections, and the threads that resolve names."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.resolvers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolve")
        self.pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=15,
            network_backend=CheckedBackend(),
        )


_lock = threading.Lock()
_own: list[Own] = []


def own() -> Own:
    """This process's. A forked worker makes its own: sockets must not be shared, and threads do not fork."""
    with _lock:
        if not _own or _own[0].pid != os.getpid():
            _own[:] = [Own()]
        return _own[0]
