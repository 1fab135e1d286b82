"""Hears the relay's wake-ups through django-eventstream, in-process or by Redis, and keeps hearing them.

Its Redis listener is started once per process and never again after a lost connection, so here it runs in a
thread of our own that replaces it whenever it ends.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import structlog
from django_eventstream.views import Listener as EventstreamListener
from django_eventstream.views import RedisListener, get_listener_manager
from redis.exceptions import RedisError

from audit_app.services.wake import CHANNEL, REVOKED

log = structlog.get_logger()
RESTART_SECONDS = 1.0
LOOK_SECONDS = 0.5


class _WakeListener(EventstreamListener):
    """Sets a threading.Event for any message; it keeps none, so its small queue never overflows.

    `revoked` is set where the message said so.
    """

    def __init__(self, woken: threading.Event) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.channels = {CHANNEL, REVOKED}
        self.revoked = threading.Event()
        self._woken = woken

    def wake_threadsafe(self) -> None:
        if self.channel_items.get(REVOKED):
            self.revoked.set()
        self.channel_items.clear()
        self._woken.set()


class WakeSignal:
    """Sets `woken` on every wake-up between `start` and `stop`."""

    def __init__(self, woken: threading.Event) -> None:
        self._listener = _WakeListener(woken)
        self._stopping = threading.Event()
        self._renew = threading.Event()
        self._thread: threading.Thread | None = None
        self._disconnected = False

    def start(self) -> None:
        manager = get_listener_manager()
        if manager.redis_listener is None:
            manager.add_listener(self._listener)
            return
        self._thread = threading.Thread(target=self._run, name="stream-wake", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is None:
            get_listener_manager().remove_listener(self._listener)
        else:
            self._thread.join(timeout=5)

    def heard_revocation(self) -> bool:
        """Whether a revocation was announced since the last call."""
        if not self._listener.revoked.is_set():
            return False
        self._listener.revoked.clear()
        return True

    def renew(self) -> None:
        """Replace the Redis connection: there were events that no wake-up announced."""
        self._renew.set()

    def _run(self) -> None:
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        manager = get_listener_manager()
        manager.redis_listener_started = True  # or add_listener would start one that nobody watches
        manager.add_listener(self._listener)
        try:
            while not self._stopping.is_set():
                await self._listen_once()
                await asyncio.sleep(0 if self._stopping.is_set() else RESTART_SECONDS)
        finally:
            manager.remove_listener(self._listener)

    async def _listen_once(self) -> None:
        manager = get_listener_manager()
        redis = manager.redis_listener = RedisListener()
        self._renew.clear()
        task = asyncio.ensure_future(manager.start_redis_listener())
        while not (task.done() or self._stopping.is_set() or self._renew.is_set()):
            await asyncio.wait({task}, timeout=LOOK_SECONDS)
        self._note_loss(task, connected=redis.pubsub.connection is not None)
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):  # whatever it ended of: there will be another
            await task
        with suppress(RedisError, OSError):
            await redis.pubsub.aclose()
            await redis.redis_client.aclose()

    def _note_loss(self, task: asyncio.Future[None], *, connected: bool) -> None:
        """Warn once for each outage, though it is tried again every second."""
        if task.done() and (connected or not self._disconnected):
            log.warning("stream_wake_lost", error=type(task.exception()).__name__)
        self._disconnected = task.done() and not connected
