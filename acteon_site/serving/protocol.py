"""Uvicorn's HTTP/1.1 with the doors closed that it leaves open: limits, deadlines, offers to change the protocol.

Its parser (llhttp) refuses by itself what two readers could read differently: bare line feeds, folded headers, two
lengths, a length beside chunks. docs/decisions/web-server.md compares the servers.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httptools
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from acteon_site.base.errors import AppError, malformed
from acteon_site.base.ids import new_id

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100
MAX_PIPELINED = 16
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
# Longer than the minute for which proxies keep a connection: else one is closed just as they send an order into it.
IDLE_SECONDS = 65
READ_SECONDS = 60.0  # how long a client may leave a full buffer of its answer unread
LINGER_SECONDS = 2.0  # how long a refused client may go on sending, so that it comes to read why
# Headers of one connection that must not reach the other protocol's offer when it is read anew without it.
_OFFER = (b"connection", b"upgrade", b"http2-settings")


class GatewayProtocol(HttpToolsProtocol):
    """One connection. What is wrong with a request is raised as an AppError by the parser's callbacks."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._refused = False
        self._head_bytes = self._body_bytes = 0
        self._fruitless = 0  # bytes of which the parser has handed nothing on: the rest of an endless header
        self._receiving = ""  # head, body, or nothing
        self._turned = False  # whether that has changed since the deadline was set
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._set_deadline(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._deadline, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._fruitless += len(data)
        try:
            self._feed(data)
            if self._fruitless > MAX_HEAD_BYTES:
                raise _head_too_large()
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, AppError) else malformed("this is no valid HTTP request"))
        except AppError as error:
            self._refuse(error)
        else:
            self._move_deadline()

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                data = self._head_without_offer() + data[offer.args[0] :]

    def _head_without_offer(self) -> bytes:
        """The head that has just been read, for a new parser: this one takes what follows for the other protocol."""
        tokens = b",".join(value for name, value in self.headers if name == b"connection").lower().split(b",")
        kept = [token.strip() for token in tokens if token.strip() not in _OFFER]
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] not in _OFFER]
        lines += [b"connection: " + b", ".join(kept)] if kept else []
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    # What the parser tells of

    def on_message_begin(self) -> None:
        self._unset_keepalive_if_required()
        self._head_bytes = self._body_bytes = 0
        self._now_receiving("head")
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value) + len(b": \r\n"))
        if self._receiving == "body":
            return  # a trailer; Uvicorn would put it among the headers that the application is just reading
        if len(self.headers) == MAX_HEADERS:
            raise _head_too_large()
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise malformed("this is no proxy")
            return
        self._check_head()
        self._now_receiving("body")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._fruitless = 0
        self._body_bytes += len(body)
        if self._body_bytes > settings.MAX_BODY_BYTES:
            raise _body_too_large()
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._fruitless = 0
        self._now_receiving("")
        super().on_message_complete()

    def _count_head(self, size: int) -> None:
        self._fruitless = 0
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            raise _head_too_large()

    def _check_head(self) -> None:
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):  # the parser knows 0.9 and 2.0, too
            raise malformed("HTTP/1.1 and HTTP/1.0 are spoken here")
        if version == "1.1" and self._count(b"host") != 1:
            raise malformed("one Host header is needed")
        if not self.url.startswith((b"/", b"*")) and self._named_host() != self._host():
            raise malformed("the target names another host than the Host header")
        codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
        if codings and (version != "1.1" or codings != [b"chunked"]):
            raise malformed("the only Transfer-Encoding is chunked, in HTTP/1.1")
        lengths = [value for name, value in self.headers if name == b"content-length"]
        if lengths and int(lengths[0]) > settings.MAX_BODY_BYTES:
            raise _body_too_large()
        if len(self.pipeline) == MAX_PIPELINED:
            raise malformed(f"more than {MAX_PIPELINED} requests wait in this connection")

    def _count(self, wanted: bytes) -> int:
        return sum(name == wanted for name, _ in self.headers)

    def _host(self) -> bytes:
        return next((value.lower() for name, value in self.headers if name == b"host"), b"")

    def _named_host(self) -> bytes:
        """Of a target in absolute form, as clients send it to proxies."""
        return urlsplit(self.url).netloc.lower()

    # Deadlines

    def _now_receiving(self, part: str) -> None:
        self._receiving, self._turned = part, True

    def _move_deadline(self) -> None:
        """From the first byte of a part to its last: bytes that trickle in win no time."""
        if not self._turned:
            return
        self._turned = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._receiving:
            self._set_deadline(HEAD_SECONDS if self._receiving == "head" else BODY_SECONDS)

    def _set_deadline(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if self.flow.read_paused:  # we are the ones who do not read on
            self._set_deadline(BODY_SECONDS)
        elif self._receiving:
            error = AppError(
                "the request did not arrive in time", "REQUEST_TIMEOUT", HTTPStatus.REQUEST_TIMEOUT, True
            )
            self._refuse(error)
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    # Refusing

    def _refuse(self, error: AppError) -> None:
        """Answer what is wrong, where it is this request's turn to be answered, and close the connection."""
        if self.transport.is_closing():
            return
        self._refused = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:  # what came before it was in order and gets its answer first
                self.flow.pause_reading()
                cycle.keep_alive = False
                return
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:
                self.transport.close()
                return
        self.transport.write(_answer(error))
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _head_too_large() -> AppError:
    message = f"more than {MAX_HEADERS} headers, or more than {MAX_HEAD_BYTES} bytes of them"
    return AppError(message, "HEADERS_TOO_LARGE", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


def _body_too_large() -> AppError:
    message = f"the body is larger than {settings.MAX_BODY_BYTES} bytes"
    return AppError(message, "TOO_LARGE", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _answer(error: AppError) -> bytes:
    body = json.dumps(error.body()).encode()
    headers: dict[str, Any] = {
        "content-type": "application/json",
        "content-length": len(body),
        "x-request-id": new_id(),
        "connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINE[error.status] + lines.encode() + b"\r\n" + body
