"""An HTTP request as a kind says it, and as the bytes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import httpx

from chains_app.providers.base import SERIALIZATION, ProviderError
from chains_app.providers.connections import Origin

# These say how long their body is, also where there is none.
WITH_BODY = ("POST", "PUT", "PATCH")
FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# Each would end the field, and let what follows begin another.
NOT_IN_FIELD = re.compile(r"[\x00\r\n]")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`query` goes behind what the query of the address says already. Host and length are added."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    query: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart, as bytes for the wire. `host` with the port where it is not the usual one."""

    origin: Origin
    host: bytes
    path: bytes
    query: bytes


@lru_cache(maxsize=1024)
def address_of(url: str) -> Address:
    """Raises httpx.InvalidURL."""
    parsed = httpx.URL(url)
    secure = parsed.scheme == "https"
    port = parsed.port or (443 if secure else 80)
    path = parsed.raw_path.partition(b"?")[0]
    return Address(Origin(secure, parsed.raw_host.decode(), port), parsed.netloc, path, parsed.query)


def joined(*groups: Mapping[str, str]) -> dict[str, str]:
    """One set of headers; a later one takes the place of an earlier one, however its name is written."""
    last = {name.lower(): (name, value) for group in groups for name, value in group.items()}
    return dict(last.values())


def whole_query(address: Address, query: bytes) -> bytes:
    return b"&".join(part for part in (address.query, query) if part)


def message_of(request: HttpRequest) -> bytes:
    """What goes over the wire. Raises ProviderError where a header cannot be written."""
    address = address_of(request.url)
    query = whole_query(address, request.query)
    target = address.path + b"?" + query if query else address.path
    headers = request.headers
    if request.content or request.method in WITH_BODY:
        headers = {**headers, "Content-Length": str(len(request.content))}
    lines = [
        b"%s %s HTTP/1.1\r\nHost: %s\r\n" % (request.method.encode(), target, address.host),
        *(_line(name, value) for name, value in headers.items()),
        b"\r\n",
        request.content,
    ]
    return b"".join(lines)


def _line(name: str, value: str) -> bytes:
    if not FIELD_NAME.fullmatch(name) or NOT_IN_FIELD.search(value):
        raise ProviderError(SERIALIZATION, "a header cannot be written; the request was not sent")
    return f"{name}: {value}\r\n".encode()
