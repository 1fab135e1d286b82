"""A span around each request, with what it says of its trace as parent. Everything behind it reads the span's headers
in place of those that came, and needs to know of no span."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.http import Http404
from django.urls import resolve

from acteon_site.base import spans
from acteon_site.base.tracing import PARENT, STATE, trace_of_headers

Scope = dict[str, Any]
Application = Callable[..., Awaitable[None]]
# Asked every few seconds, or open for hours.
UNTRACED = ("/health", "/ready", "/status", "/metrics", "/static/", "/v1/stream")
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_NAMES = (PARENT.encode(), STATE.encode())


def traced(application: Application, tracer: spans.Tracer | None) -> Application:
    """The application itself where tracing is off."""
    if tracer is None:
        return application

    async def traced_application(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNTRACED):
            await application(scope, receive, send)
        else:
            await _request(application, tracer, scope, receive, send)

    return traced_application


async def _request(
    application: Application, tracer: spans.Tracer, scope: Scope, receive: Any, send: Any
) -> None:
    said: dict[str, Any] = {}

    async def send_on(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            said.update(message)
        await send(message)

    method = scope["method"] if scope["method"] in METHODS else "_OTHER"
    route = _route(scope["path"])
    span = tracer.span(f"{method} {route}".strip(), [_given(scope)], kind="server")
    attributes = {"http.request.method": method, "url.scheme": scope["scheme"], "http.route": route}
    try:
        await application({**scope, "headers": _with(span.trace, scope)}, receive, send_on)
    finally:
        status = said.get("status", 0)
        request_id = _header(said.get("headers", ()), b"x-request-id")
        attributes |= {"http.response.status_code": status or None, "acteon.request.id": request_id}
        span.end(attributes, str(status) if status >= 500 else "")


@lru_cache(maxsize=1024)
def _route(path: str) -> str:
    """The path as it is declared: one that came may hold names, or the signature of a link. "" where there is none."""
    try:
        return f"/{resolve(path).route}"
    except (Http404, ValueError):
        return ""


def _given(scope: Scope) -> spans.Trace:
    found = [[value for name, value in scope["headers"] if name == wanted] for wanted in _NAMES]
    parents, states = ([value.decode("latin-1") for value in values] for values in found)
    # Of two nobody knows which it is; those of tracestate are parts of one list.
    return trace_of_headers(parents[0], ",".join(states)) if len(parents) == 1 else {}


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in headers if name.lower() == wanted), "")


def _with(trace: spans.Trace, scope: Scope) -> list[tuple[bytes, bytes]]:
    kept = [header for header in scope["headers"] if header[0] not in _NAMES]
    return kept + [(name.encode(), value.encode("latin-1")) for name, value in trace.items()]
