"""One open stream's queue: filled by the hub's thread, emptied by the stream's own event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from acteon_site.base.principals import Principal
from audit_app.stream.filters import FrameFilter, may_see
from audit_app.stream.frames import Frame

QUEUE_SIZE = 1000
# What a stream takes out of its queue at once. The frames of queues are the same newest ones for all listeners, what
# waits in a slow client's connection is its own: five hundred of these must fit into memory.
DELIVERY_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True)
class Delivery:
    """The oldest of the frames that wait in the queue. `skipped` frames were dropped before the given ones."""

    frames: list[Frame] = field(default_factory=list)
    skipped: int = 0
    closed: bool = False


class Listener:
    """Made inside the event loop that reads it."""

    def __init__(self, caller: Principal, frame_filter: FrameFilter, *, size: int = QUEUE_SIZE) -> None:
        self.caller = caller
        self._filter = frame_filter
        self._size = size
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._queue: deque[Frame] = deque()
        self._skipped = 0
        self._closed = False
        self.revoked = False

    def passes(self, frame: Frame) -> bool:
        return not self.revoked and self._filter.passes(frame) and may_see(self.caller, frame)

    def offer(self, frames: list[Frame]) -> None:
        """From any thread. Frames that do not pass are left out."""
        passing = [frame for frame in frames if self.passes(frame)]
        if passing:
            self._soon(passing, close=False)

    def close(self) -> None:
        """From any thread: the stream ends after what is queued."""
        self._soon([], close=True)

    def revoke(self) -> None:
        """From any thread: the stream ends, and nothing that is queued is sent any more."""
        self.revoked = True
        self.close()

    def _soon(self, frames: list[Frame], *, close: bool) -> None:
        try:
            self._loop.call_soon_threadsafe(self._take, frames, close)
        except RuntimeError:
            # Its loop was closed without the stream's end being seen; nobody reads this queue any more.
            self._closed = True

    @property
    def abandoned(self) -> bool:
        return self._loop.is_closed()

    def _take(self, frames: list[Frame], close: bool) -> None:
        self._queue.extend(frames)
        while len(self._queue) > self._size:
            self._queue.popleft()
            self._skipped += 1
        self._closed = self._closed or close
        self._ready.set()

    async def next(self, timeout: float) -> Delivery:
        """Wait up to `timeout` seconds for frames; an empty delivery says that there were none in that time."""
        try:
            async with asyncio.timeout(timeout):
                await self._ready.wait()
        except TimeoutError:
            return Delivery()
        if self.revoked:
            self._queue.clear()
            return Delivery(closed=True)
        frames = self._oldest()
        if not self._queue:
            self._ready.clear()
        skipped, self._skipped = self._skipped, 0
        return Delivery(frames, skipped, self._closed and not self._queue)

    def _oldest(self) -> list[Frame]:
        frames: list[Frame] = []
        size = 0
        while self._queue and size < DELIVERY_BYTES:
            frames.append(self._queue.popleft())
            size += len(frames[-1].text)
        return frames
