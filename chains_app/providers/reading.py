"""One HTTP/1.1 answer, read as its bytes come, by llhttp: strictly, but for line ends and padding in chunks.

What two readers could take for two different answers (a length beside chunks, two lengths) is none.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httptools

# A head, and what is no content between chunks and after them.
MOST_HEAD_BYTES = 128 * 1024


class Broken(Exception):
    """The connection ended, or carried no HTTP, before the answer was whole."""


@dataclass(frozen=True, slots=True)
class Response:
    """Names of headers are in small letters; those that came several times are joined by commas."""

    status: int
    headers: dict[str, str]
    content: bytes


class Reading:
    """`response` comes to the Response, or to Broken. Of more than `most_bytes` of content only the beginning."""

    def __init__(self, most_bytes: int) -> None:
        self.response: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.keeps_open = False
        self._most_bytes = most_bytes
        self._status, self._size, self._no_content = 0, 0, 0
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._in_head = True
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    def feed(self, data: bytes) -> None:
        self._no_content += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._complete(keeps_open=False)  # 101, which nobody asked for
        except httptools.HttpParserError:
            self.keeps_open = False  # where the answer was whole before
            self.broke()
        if self._no_content > MOST_HEAD_BYTES:
            self.broke()

    def ended(self) -> None:
        """The peer has sent all: the end of an answer that declares no length."""
        framed = "content-length" in self._headers or "transfer-encoding" in self._headers
        if self._in_head or framed:
            self.broke()
        else:
            self._complete(keeps_open=False)

    def broke(self) -> None:
        if not self.response.done():
            self.response.set_exception(Broken())

    def on_message_begin(self) -> None:
        if self.response.done():
            self.keeps_open = False  # nobody asked for a second one

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        self._in_head, self._status = False, self._parser.get_status_code()
        if self._headers.get("transfer-encoding", "chunked").lower() != "chunked":
            self.broke()

    def on_body(self, body: bytes) -> None:
        if self.response.done():
            return
        self._no_content = 0
        self._parts.append(body)
        self._size += len(body)
        if self._size > self._most_bytes:
            self._complete(keeps_open=False)

    def on_message_complete(self) -> None:
        if 100 <= self._status < 200 and self._status != 101:
            self._in_head = True
            self._headers.clear()
        else:
            self._complete(keeps_open=self._parser.should_keep_alive())

    def _complete(self, *, keeps_open: bool) -> None:
        if not self.response.done():
            self.keeps_open = keeps_open
            self.response.set_result(Response(self._status, self._headers, b"".join(self._parts)))
