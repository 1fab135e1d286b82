"""The short way for the requests that come most often: from the server to the app, past Django's handler and DRF.

Only a plain request takes it: no query, JSON of usual size, an API key that this process has seen lately, nothing
that Django or DRF would have to look at. Every other one, and every doubt, goes to the view of the same path, which
answers alike (tests/contract/test_direct.py holds them against each other).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from acteon_site.access.seen_keys import principal_seen
from acteon_site.base.ids import new_id
from acteon_site.base.principals import Principal
from acteon_site.base.registry import Registry
from acteon_site.base.tracing import trace_of_headers
from acteon_site.http.browsers import DATA, written
from acteon_site.http.headers import is_json
from acteon_site.http.heavy import LARGE_BODY
from acteon_site.http.middleware import acceptable_id

Header = tuple[bytes, bytes]
# Whoever sends one of these means something that the view alone understands.
_NOT_PLAIN = frozenset((b"x-demo-now", b"content-encoding", b"expect"))
_DATA = written(DATA).encode()
_NO_TRACE: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A request whose caller was known a moment ago. `idempotency_key` is None where it has none."""

    path: str
    body: bytes
    caller: Principal
    request_id: str
    idempotency_key: str | None
    is_secure: bool
    trace: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """JSON already encoded."""

    status: int
    body: bytes
    headers: Iterable[tuple[str, str]] = ()


class Door(Protocol):
    """Takes the POSTs of one path."""

    path: str

    async def answer(self, request: PlainRequest) -> PlainAnswer: ...


DOORS: Registry[Door] = Registry("direct door", key="path")


def plain_request(scope: Any, body: bytes) -> PlainRequest | None:
    """The request, if it may go the short way."""
    if scope["method"] != "POST" or scope["query_string"] or len(body) >= LARGE_BODY:
        return None
    headers: dict[bytes, bytes] = dict(scope["headers"])
    if (
        not _NOT_PLAIN.isdisjoint(headers)
        or not _is_json(headers)
        or not _is_our_host(headers.get(b"host", b""))
    ):
        return None
    is_secure = _is_secure(scope, headers)
    caller = principal_seen(_secret(headers))
    if caller is None or (settings.SECURE_SSL_REDIRECT and not is_secure):
        return None
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    key = headers.get(b"idempotency-key")
    return PlainRequest(
        scope["path"],
        body,
        caller,
        given if acceptable_id(given) else str(new_id()),
        None if key is None else key.decode("latin-1"),
        is_secure,
        _trace(headers) if b"traceparent" in headers else _NO_TRACE,
    )


def _trace(headers: dict[bytes, bytes]) -> dict[str, str]:
    state = headers.get(b"tracestate", b"").decode("latin-1")
    return trace_of_headers(headers[b"traceparent"].decode("latin-1"), state)


def _is_json(headers: dict[bytes, bytes]) -> bool:
    kind = headers.get(b"content-type", b"")
    return kind == b"application/json" or is_json(kind.decode("latin-1"))


def _secret(headers: dict[bytes, bytes]) -> str:
    """The API key; "" where there is none, or both places have one."""
    key, bearer = headers.get(b"x-api-key", b""), headers.get(b"authorization", b"")
    if bool(key) == bool(bearer):
        return ""
    if key:
        return key.decode("latin-1")
    scheme, _, secret = bearer.decode("latin-1").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


@lru_cache(maxsize=256)
def _is_our_host(host: bytes) -> bool:
    domain, _ = split_domain_port(host.decode("latin-1"))
    allowed = settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    return bool(domain) and validate_host(domain, allowed)


def _is_secure(scope: Any, headers: dict[bytes, bytes]) -> bool:
    if settings.SECURE_PROXY_SSL_HEADER:
        proto = headers.get(b"x-forwarded-proto", b"").partition(b",")[0].strip()
        return proto == b"https" if proto else scope["scheme"] == "https"
    return bool(scope["scheme"] == "https")


async def send_answer(request: PlainRequest, answer: PlainAnswer, send: Any) -> None:
    headers: list[Header] = [
        (b"content-type", b"application/json"),
        (b"allow", b"POST, OPTIONS"),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"content-security-policy", _DATA),
        (b"x-request-id", request.request_id.encode()),
        (b"content-length", b"%d" % len(answer.body)),
        *((name.encode(), value.encode("latin-1")) for name, value in answer.headers),
    ]
    if request.is_secure and settings.SECURE_HSTS_SECONDS:
        headers.append((b"strict-transport-security", _strict_transport()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _strict_transport() -> bytes:
    parts = [f"max-age={settings.SECURE_HSTS_SECONDS}"]
    parts += ["includeSubDomains"] if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else []
    parts += ["preload"] if settings.SECURE_HSTS_PRELOAD else []
    return "; ".join(parts).encode()
