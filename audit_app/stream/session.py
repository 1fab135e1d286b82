"""One open stream from its first byte to its last: catch up from the database, then live from the hub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog
from asgiref.sync import SyncToAsync, sync_to_async
from django.db import DatabaseError
from django.utils import timezone

from acteon_site.base.principals import Principal
from audit_app.stream import reading
from audit_app.stream.endings import Ending
from audit_app.stream.filters import FrameFilter
from audit_app.stream.frames import PING, Frame, lagged, subscription_end
from audit_app.stream.hub import Hub
from audit_app.stream.listener import Listener

log = structlog.get_logger()
PING_SECONDS = 15.0


@dataclass(slots=True)
class Opening:
    """Where a stream begins. `ended`: why its entity is over already; `history`: the frames that are sent first."""

    caller: Principal
    frame_filter: FrameFilter
    after: int
    missed: bool = False
    ending: Ending | None = None
    ended: str | None = None
    history: tuple[Frame, ...] = ()
    scope: tuple[str, str] = ("", "")


class Session:
    """What the response streams, with its place in the hub taken. Django calls `close` when the client is gone,
    however it went."""

    def __init__(self, hub: Hub, opening: Opening) -> None:
        self._hub = hub
        self._opening = opening
        self._after = opening.after
        self._ended = opening.ended
        self._scope = opening.scope
        self._listener: Listener | None = None
        self._has_place = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body()

    def close(self) -> None:
        if self._has_place:
            self._has_place = False
            self._hub.leave_place(self._opening.caller)
        if self._listener is not None:
            self._hub.unsubscribe(self._listener)

    async def _body(self) -> AsyncIterator[bytes]:
        _release_thread()
        yield PING  # so that headers leave at once, and whoever waits for a first byte has it
        if self._opening.missed:
            yield lagged(None)
        if self._opening.history:
            yield b"".join(frame.text for frame in self._opening.history)
        self._listener = Listener(self._opening.caller, self._opening.frame_filter)
        try:
            async for chunk in self._fresh(self._listener):
                yield chunk
        except DatabaseError as error:
            # The client comes back with its Last-Event-ID and misses nothing.
            log.warning("stream_broken_off", error=type(error).__name__)
        finally:
            self.close()

    async def _fresh(self, listener: Listener) -> AsyncIterator[bytes]:
        if self._ended is None:
            # Most of a long absence is read before subscribing, or the queue would overflow meanwhile.
            async for chunk in self._missed(listener, None):
                yield chunk
            position = self._hub.subscribe(listener, position=self._after)
            async for chunk in self._missed(listener, position):
                yield chunk
        while self._ended is None:
            delivery = await listener.next(PING_SECONDS)
            notice = lagged(delivery.skipped) if delivery.skipped else b""
            chunk, closed = notice + self._text_of_new(delivery.frames), delivery.closed
            del delivery  # a slow client must not keep frames that no one else needs any more
            yield chunk or PING
            if closed:
                return
        yield self._last_frame(self._ended)

    async def _missed(self, listener: Listener, up_to: int | None) -> AsyncIterator[bytes]:
        """What the database holds between the last frame sent and `up_to` (None: all there is now)."""
        while self._ended is None and (up_to is None or self._after < up_to):
            frames = await sync_to_async(self._read, thread_sensitive=False)(listener, up_to)
            chunk = self._text_of_new([frame for frame in frames if listener.passes(frame)])
            if frames:
                self._after = max(self._after, frames[-1].number)
            more = len(frames) == reading.PAGE
            del frames  # as above
            if chunk:
                yield chunk
            if not more or listener.revoked:
                return

    def _read(self, listener: Listener, up_to: int | None) -> list[Frame]:
        """The next page. Who catches up is not subscribed yet, so that its key is looked at here."""
        try:
            frames = reading.frames_after(self._after, limit=reading.PAGE, up_to=up_to)
            if frames:
                self._hub.end_revoked([listener])
            return frames
        finally:
            reading.release_connection()

    def _text_of_new(self, frames: list[Frame]) -> bytes:
        """The text of what is new of these, up to the frame that ends the subscription."""
        texts = []
        for frame in frames:
            if frame.number <= self._after or self._ended is not None:
                continue
            texts.append(frame.text)
            self._after, self._scope = frame.number, (frame.namespace, frame.tenant)
            if self._opening.ending is not None:
                self._ended = self._opening.ending.reason(frame)
        return b"".join(texts)

    def _last_frame(self, reason: str) -> bytes:
        ending = self._opening.ending
        if ending is None:
            return b""
        return subscription_end((ending.kind, ending.key), reason, self._scope, self._after, timezone.now())


def _release_thread() -> None:
    """Django's ASGI handler gives each request a thread until it ends. A stream that waits needs none: five
    hundred of them were five hundred idle threads. What comes later (closing) gets a new one by itself."""
    request = SyncToAsync.thread_sensitive_context.get(None)
    executor = SyncToAsync.context_to_thread_executor.pop(request, None) if request else None
    if executor is not None:
        executor.shutdown(wait=False)
