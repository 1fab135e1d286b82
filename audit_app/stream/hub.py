"""Reads each new event once per process and offers it to every open stream.

A thread of its own: it serves streams of any event loop, and none of them holds a database connection.
A wake-up makes it read at once; reading every second is the guarantee.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection

import structlog

from acteon_site.base.principals import Principal
from audit_app.stream.frames import Frame
from audit_app.stream.listener import Listener
from audit_app.stream.reading import frames_after, release_connection
from audit_app.stream.signal import WakeSignal

log = structlog.get_logger()
PAGE = 1000  # read once for all listeners
POLL_SECONDS = 1.0
RETRY_SECONDS = 0.25
# Revocations are announced; this finds what is not: expired keys, changed scopes, people without their groups.
RECHECK_SECONDS = 1.0
IDLE_SECONDS = 10.0
UNANNOUNCED_LIMIT = 5

Standing = Callable[[Collection[Principal]], set[Principal]]


class Hub:
    """`standing` answers which of the given callers may still listen."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._places: Counter[tuple[tuple[str, ...], tuple[str, ...]]] = Counter()
        self._position = 0
        self._running: _HubThread | None = None

    def subscribe(self, listener: Listener, *, position: int) -> int:
        """Register a listener that has all up to `position`. It gets all after the answered number."""
        with self._lock:
            if self._running is None:
                self._position = position
                self._running = _HubThread(self)
                self._running.start()
            self._listeners.add(listener)
            return self._position

    def unsubscribe(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.discard(listener)

    @property
    def listening(self) -> int:
        return len(self._listeners)

    def take_place(self, caller: Principal, *, most: int, most_alike: int) -> str:
        """Count an opening stream. Answers what is full, `process` or `tenant`, and counts nothing then."""
        scope = (caller.namespaces, caller.tenants)
        with self._lock:
            if self._places.total() >= most:
                return "process"
            if self._places[scope] >= most_alike:
                return "tenant"
            self._places[scope] += 1
        return ""

    def leave_place(self, caller: Principal) -> None:
        with self._lock:
            self._places[caller.namespaces, caller.tenants] -= 1
            self._places += Counter()  # drops those that reached zero

    def stop(self) -> None:
        """End all streams and the thread. A later subscription starts it anew."""
        with self._lock:
            ending, self._running = self._running, None
            listeners, self._listeners = self._listeners, set()
        for listener in listeners:
            listener.close()
        if ending is not None:
            ending.stop()

    def retire(self, ending: _HubThread) -> bool:
        """Whether the thread may end: nobody listens any more."""
        with self._lock:
            if self._listeners and self._running is ending:
                return False
            if self._running is ending:
                self._running = None
            return True

    def deliver_new(self) -> int:
        """Read what is new and offer it to all; answers how many frames there were."""
        count = 0
        while True:
            frames = frames_after(self._position, limit=PAGE)
            if frames and count:
                self.recheck()  # a backlog takes its time: whose key was revoked meanwhile gets no further page
            if frames:
                self._offer(frames)
            count += len(frames)
            if len(frames) < PAGE:
                return count

    def _offer(self, frames: list[Frame]) -> None:
        # Position and listeners are read together: who subscribes later reads up to this position by itself.
        with self._lock:
            self._position = frames[-1].number
            listeners = list(self._listeners)
        for listener in listeners:
            listener.offer(frames)

    def recheck(self) -> None:
        """End the streams of callers whose key was revoked, expired or changed."""
        with self._lock:
            self._listeners = {listener for listener in self._listeners if not listener.abandoned}
            listeners = list(self._listeners)
        self.end_revoked(listeners)

    def end_revoked(self, listeners: Collection[Listener]) -> None:
        """As `recheck`, for these: who still catches up is not subscribed yet."""
        standing = self._standing({listener.caller for listener in listeners}) if listeners else set()
        for listener in listeners:
            if listener.caller not in standing:
                listener.revoke()


class _HubThread:
    """One life of the hub's thread, from its first listener until some time after its last."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._woken = threading.Event()
        self._stopping = False
        self._signal = WakeSignal(self._woken)
        self._thread = threading.Thread(target=self._run, name="stream-hub", daemon=True)
        self._idle_since: float | None = None
        self._rechecked = time.monotonic()
        self._unannounced = 0
        self._healthy = True

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._woken.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        self._signal.start()
        self._woken.set()  # events between the first subscription and this start were announced to nobody
        try:
            while not self._ended():
                announced = self._woken.wait(POLL_SECONDS if self._healthy else RETRY_SECONDS)
                self._woken.clear()
                if not self._stopping:
                    self._read_new(announced)
        finally:
            self._signal.stop()

    def _read_new(self, announced: bool) -> None:
        try:
            # First, so that what comes after a revocation is not sent to the revoked.
            if self._signal.heard_revocation() or time.monotonic() - self._rechecked >= RECHECK_SECONDS:
                self._rechecked = time.monotonic()
                self._hub.recheck()
            self._watch_signal(self._hub.deliver_new(), announced)
            self._healthy = True
        except Exception as error:  # a database that is away, or one bad row, must not end all streams
            if self._healthy:
                log.warning("stream_cannot_read", error=type(error).__name__, exc_info=error)
            self._healthy = False
        finally:
            release_connection()

    def _watch_signal(self, found: int, announced: bool) -> None:
        # A connection can die without a word; events that only the clock found give it away.
        if announced:
            self._unannounced = 0
        elif found:
            self._unannounced += 1
        if self._unannounced >= UNANNOUNCED_LIMIT:
            self._unannounced = 0
            self._signal.renew()

    def _ended(self) -> bool:
        if self._stopping:
            return True
        if self._hub.listening:
            self._idle_since = None
            return False
        self._idle_since = self._idle_since or time.monotonic()
        return time.monotonic() - self._idle_since >= IDLE_SECONDS and self._hub.retire(self)
