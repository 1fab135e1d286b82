"""Listeners of /v1/stream that a test can tear away from one process and open again at another."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from acteon_site.client.sse import StreamEvent, events_of, lines_of
from tests.e2e.running import wait_until

SILENCE_SECONDS = 30  # the gateway pings every 15


class Ear:
    """One connection, read in a thread until somebody ends it. Never connects again by itself.

    With `reads=False` it does not read before it is told to: the kernel takes some 4 MB for it, the gateway the rest.
    """

    def __init__(self, url: str, key: str, last_event_id: int | None = None, *, reads: bool = True) -> None:
        headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=SILENCE_SECONDS)
        self._connection.request("GET", "/v1/stream", headers=headers)
        self._response = self._connection.getresponse()
        assert self._response.status == http.client.OK, self._response.read()
        self.events: list[StreamEvent] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        if reads:
            self.read()

    def read(self) -> None:
        self._thread.start()

    def _read(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            for event in events_of(lines_of(self._response)):
                self.events.append(event)

    @property
    def connected(self) -> bool:
        return self._thread.is_alive()

    @property
    def ids(self) -> list[int]:
        """-1 for a frame without a number (`lagged`), so that it stands out."""
        return [int(event.id or -1) for event in self.events]

    def leave(self) -> None:
        """As a client whose network is gone: in the middle of whatever comes."""
        if self._connection.sock is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join(10)
        self._connection.close()

    def wait_for(self, there: Callable[[list[StreamEvent]], bool], seconds: float = 120) -> None:
        try:
            wait_until(lambda: there(self.events), seconds, every=0.05)
        except AssertionError as error:
            state = "connected" if self.connected else "hung up"
            raise AssertionError(
                f"{error}; {state}, {len(self.events)} events, the last {self.events[-1:]}"
            ) from None


class Traveller:
    """One client that is torn away again and again, and goes on anywhere from the last event it got."""

    def __init__(self, url: str, key: str, last_event_id: int) -> None:
        self._key = key
        self._start = last_event_id
        self._earlier: list[int] = []
        self.ear = Ear(url, key, last_event_id)

    @property
    def ids(self) -> list[int]:
        return self._earlier + self.ear.ids

    def leave(self) -> None:
        self.ear.leave()

    def go_on_at(self, url: str) -> None:
        self.leave()
        self._earlier = self.ids
        self.ear = Ear(url, self._key, self._earlier[-1] if self._earlier else self._start)
