"""The engine: one thread of a process that turns runs in sets, while hundreds of their calls are in flight.

It takes the leases of what is due, turns all of them in one transaction (services/turns.py) and starts their calls;
what comes back while a transaction runs is recorded by the next one, together with those runs' next moves and with the
runs that have fallen due meanwhile. It adds no waiting and polls nothing: it sleeps until somebody rings, a call ends
or a run has waited too long for a place among a provider's calls.

What must hold:
- Only this thread turns what it has leased. The token of the lease guards against every other process.
- A call starts after the commit that recorded it, and its reply goes into one turn; where the database is away, into
  that turn's repeat. A reply that comes after the lease was lost is dropped by the turn.
- No due run is forgotten: a ring stands until a look that began after it found no more than it could take.
- A lease is in `_at_work` until the turn that ends it, and in one place besides: with a call in flight, ready to be
  turned, waiting for a place, or in the turn that runs. A run whose lease was lost may be leased anew before that one's
  last reply is back: each lease is taken off by itself.
- The lock is held over no transaction and no call's start: a call may be over before `start` has returned.
- Asked to stop it takes nothing more, starts no call, and records what comes back until its time is over.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from django.db import connection

from acteon_site.base.per_process import PerProcess
from chains_app.services.calls_in_flight import CallsInFlight, calls_in_flight
from chains_app.services.fair_queue import FairQueue
from chains_app.services.leases import Lease, Whose, leases_take, runs_due
from chains_app.services.places import Room
from chains_app.services.step_calls import Reply, Request
from chains_app.services.turns import Turned, Work, runs_turn

log = structlog.get_logger()
# Runs at work in this process, of all tenants and of one; runs that one transaction turns.
MOST, MOST_EACH, MOST_TOGETHER = 600, 450, 150
# As many as there must be room for before others are sought.
FEWEST = 30
# Runs that wait in memory for a place among one provider's calls; more give their leases back for so long.
MOST_NEAR, AGAIN = 50, timedelta(seconds=1)
# Then such a run is turned anyway: its lease goes on, and it sees that it was cancelled.
NEAR_SECONDS = 5.0
# After the database was away.
PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Near:
    work: Work
    until: float


class Engine:
    def __init__(self, calls: CallsInFlight) -> None:
        self._calls = calls
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        self._look = self._behind = self._stopping = False
        self._asked: dict[UUID, None] = {}
        self._ready: list[Work] = []
        self._at_work: dict[UUID, Lease] = {}
        self._near: defaultdict[str, FairQueue[_Near]] = defaultdict(FairQueue)

    def ring(self) -> None:
        """Something is due."""
        with self._changed:
            self._look = True
            self._go_on()

    def ring_for(self, run_ids: Collection[UUID]) -> None:
        """These are due. A process that is no worker works for them only."""
        with self._changed:
            self._asked |= dict.fromkeys(run_ids)
            self._go_on()

    def begin(self, work: Sequence[Work]) -> None:
        """Make calls that the caller has committed as started, and go on with their runs."""
        with self._changed:
            self._at_work |= {one.lease.run_id: one.lease for one in work}
            self._go_on()
        self._start(work)

    def wait(self, run_ids: Collection[UUID], seconds: float) -> bool:
        """Wait until none of these is asked for or at work; False where the time was over before."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(map(self._has, run_ids)), seconds)

    def stop(self, seconds: float) -> bool:
        """Let calls in flight end and be recorded; take nothing more. False where some had no time to end."""
        ends = time.monotonic() + seconds
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            over = self._changed.wait_for(lambda: not self._at_work, seconds)
        if over and self._thread is not None:
            self._thread.join(max(0.0, ends - time.monotonic()))
        return over

    def _has(self, run_id: UUID) -> bool:
        return run_id in self._at_work or run_id in self._asked

    def _go_on(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        while self._sleep():
            try:
                self._round()
            except Exception as error:  # the database is away: a look is made again
                log.exception("engine_held_up", error=type(error).__name__)
                time.sleep(PAUSE_SECONDS)
        connection.close()

    def _sleep(self) -> bool:
        """Until there is something to do; False once there will be nothing any more."""
        with self._changed:
            if not self._has_work():
                _connection_rest()
            while not self._has_work():
                if self._stopping and not self._at_work:
                    return False
                self._changed.wait(self._patience())
        return True

    def _has_work(self) -> bool:
        room = not self._stopping and len(self._at_work) <= MOST - FEWEST
        wanted = room and bool(self._look or self._asked)
        return bool(self._ready) or wanted or self._patience() == 0

    def _patience(self) -> float | None:
        """Seconds until a run has waited long enough for a place; None where none waits."""
        ends = [near.until for queue in self._near.values() for near in queue]
        if ends and self._stopping:
            return 0
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def _round(self) -> None:
        connection.close_if_unusable_or_obsolete()
        self._take_leases()
        with self._changed:
            work = self._ready[:MOST_TOGETHER] + self._with_a_place()
            self._ready = self._ready[MOST_TOGETHER:]
        turned = runs_turn(work, self._room())
        self._put_away(work, turned)
        self._start([one for one in turned.begun if one.request])
        if turned.left:
            time.sleep(PAUSE_SECONDS)

    def _take_leases(self) -> None:
        """Of the runs that were asked for, then of what is due, as many as there is room for."""
        with self._changed:
            most = min(MOST - len(self._at_work), MOST_TOGETHER - len(self._ready))
            if most < FEWEST or self._stopping:
                return
            asked, look = list(self._asked), self._look
            counts = Counter(lease.whose for lease in self._at_work.values())
            full = [whose for whose, count in counts.items() if count >= MOST_EACH]
            self._look = False
        try:
            leases, more = _leases(asked, look, full, most)
        except Exception:  # raised again: the ring must not be lost, whatever went wrong
            with self._changed:
                self._look |= look
            raise
        taken = {lease.run_id for lease in leases}
        with self._changed:
            self._at_work |= {lease.run_id: lease for lease in leases}
            self._ready += [Work(lease) for lease in leases]
            # Whoever could be taken and was not is another's, or not due.
            over = taken if more else taken.union(asked)
            self._asked = {run_id: None for run_id in self._asked if run_id not in over}
            self._look |= look and more
            self._behind |= look and bool(full)
            self._changed.notify_all()

    def _with_a_place(self) -> list[Work]:
        """Runs that waited for a place and may have one now, or have waited long enough."""
        found, now = [], time.monotonic()
        for provider, queue in list(self._near.items()):
            free = self._calls.free(provider)
            late = any(near.until <= now for near in queue) or self._stopping
            for _ in range(len(queue) if late else min(free, len(queue))):
                found.append(queue.pop().work)
            if not queue:
                del self._near[provider]
        return found

    def _room(self) -> Room:
        if self._stopping:
            return Room(lambda provider: 0, lambda provider: 0, timedelta(0))
        return Room(self._calls.free, lambda provider: MOST_NEAR - len(self._near.get(provider, ())), AGAIN)

    def _put_away(self, work: Sequence[Work], turned: Turned) -> None:
        """Those that wait for a place are kept; of those that have come to a stop nothing is."""
        until, on = time.monotonic() + NEAR_SECONDS, {one.lease for one in turned.begun + turned.left}
        stopped = [one.lease for one in work if one.lease not in on]
        with self._changed:
            self._ready += turned.left
            for one in turned.begun:
                if one.awaits:
                    self._near[one.awaits].put(one.lease.whose, _Near(Work(one.lease), until))
            for lease in stopped:
                if self._at_work.get(lease.run_id) == lease:
                    del self._at_work[lease.run_id]
            if stopped and self._behind:
                self._look, self._behind = True, False
            self._changed.notify_all()

    def _start(self, work: Sequence[Work]) -> None:
        for one in work:
            if one.request:
                self._calls.start(one.request, partial(self._answered, one))

    def _answered(self, work: Work, request: Request, reply: Reply) -> None:
        with self._changed:
            self._ready.append(work.answered(reply))
            self._changed.notify_all()


def _leases(
    asked: Sequence[UUID], look: bool, full: Collection[Whose], most: int
) -> tuple[list[Lease], bool]:
    """At most so many; and whether there may be more."""
    leases = leases_take(asked, most)
    left = most - len(leases)
    # Twice as many, since another process looks at the same ones at the same time.
    due = runs_due(2 * left, but=full) if look and left else []
    leases += leases_take(due, left)
    return leases, len(leases) == most or (look and left > 0 and len(due) == 2 * left)


def _connection_rest() -> None:
    """Give a connection of a pool back; one of the thread's own is kept."""
    if connection.settings_dict.get("OPTIONS", {}).get("pool"):
        connection.close()


_engine = PerProcess(lambda: Engine(calls_in_flight()))


def engine() -> Engine:
    """This process's own; a forked child makes its own."""
    return _engine.get()


def engine_stop(seconds: float) -> None:
    """Let what is under way end; whoever rings from now on wakes another engine."""
    stopping = _engine.replace()
    if stopping is not None and not stopping.stop(seconds):
        log.warning("stopped_with_work_under_way", parts=["engine"])
