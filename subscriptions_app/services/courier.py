"""One thread of a process that sends what is due, while hundreds of requests are in flight.

It takes a set of deliveries, hands their requests to the loop of the provider calls, and records what comes back in
sets. It polls nothing: it sleeps until somebody rings or a request ends. What must hold:

- A delivery is in flight once in this process, and the token of its lease guards against every other.
- A request goes out after the commit that took its delivery, and no lock or transaction is held while it runs.
- A process that dies records nothing: leases run out, and the same `webhook-id` goes out again.
- Asked to stop it takes nothing more, and records what comes back until its time is over.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from concurrent.futures import Future
from uuid import UUID

import structlog
from django.db import connection

from acteon_site.base.per_process import PerProcess
from acteon_site.base.retrying import database_is_away
from chains_app.providers.calling import refuse_transaction
from chains_app.providers.own import own
from subscriptions_app.services.claiming import Parcel, deliveries_claim
from subscriptions_app.services.recording import results_record
from subscriptions_app.services.sending import Sent, parcel_send
from subscriptions_app.services.switching import subscriptions_switch_off

log = structlog.get_logger()
# In flight in this process, and taken or recorded by one transaction.
MOST, MOST_TOGETHER = 400, 100
# After the database was away.
PAUSE_SECONDS = 1.0


class Courier:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._look = self._taking = self._stopping = False
        self._busy: Counter[UUID] = Counter()
        self._came: list[Sent] = []

    def ring(self) -> None:
        """Something is due."""
        with self._changed:
            self._look = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def stop(self, seconds: float) -> bool:
        """Let what is in flight end and be recorded. False where some had no time to end."""
        ends = time.monotonic() + seconds
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            over = self._changed.wait_for(lambda: not (self._busy.total() or self._taking), seconds)
        if over and self._thread is not None:
            self._thread.join(max(0.0, ends - time.monotonic()))
        return over

    def rests(self, seconds: float) -> bool:
        """Wait until nothing is in flight and nobody has rung; False where the time was over before."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._has_work(), seconds)

    def _has_work(self) -> bool:
        return bool(self._busy.total() or self._look or self._taking or self._came)

    def _run(self) -> None:
        while self._sleep():
            try:
                self._round()
            except Exception as error:  # the database is away: what came is recorded later
                log.exception("courier_held_up", error=type(error).__name__)
                time.sleep(PAUSE_SECONDS)
        connection.close()

    def _sleep(self) -> bool:
        """Until there is something to do; False once there will be nothing any more."""
        with self._changed:
            while not (self._came or self._may_take()):
                if self._stopping and not self._busy.total():
                    return False
                if connection.settings_dict.get("OPTIONS", {}).get("pool"):
                    connection.close()  # given back to the pool
                self._changed.wait()
        return True

    def _may_take(self) -> bool:
        return self._look and not self._stopping and self._busy.total() < MOST

    def _round(self) -> None:
        connection.close_if_unusable_or_obsolete()
        self._record()
        self._take()

    def _record(self) -> None:
        came = self._came[:MOST_TOGETHER]
        if not came:
            return
        try:
            doubtful = results_record(came)
        except Exception as error:
            if database_is_away(error):
                raise
            log.exception("deliveries_unrecorded", count=len(came), error=type(error).__name__)
            doubtful = set()  # their leases run out, and they are sent again
        with self._changed:
            del self._came[: len(came)]
            self._busy -= Counter(sent.parcel.subscription_id for sent in came)
            self._look = True  # there is room, and others of their orders may be due now
            self._changed.notify_all()
        if doubtful:
            subscriptions_switch_off(doubtful)

    def _take(self) -> None:
        with self._changed:
            if not self._may_take():
                return
            most, self._look, self._taking = min(MOST_TOGETHER, MOST - self._busy.total()), False, True
            busy = dict(self._busy)
        parcels: list[Parcel] = []
        again = True  # where it fails: the ring must not be lost
        try:
            parcels = deliveries_claim(busy, most)
            again = len(parcels) == most
        finally:
            with self._changed:
                self._busy.update(parcel.subscription_id for parcel in parcels)
                self._look, self._taking = self._look or again, False
                self._changed.notify_all()
        for parcel in parcels:
            self._start(parcel)

    def _start(self, parcel: Parcel) -> None:
        sending = asyncio.run_coroutine_threadsafe(parcel_send(parcel), own().loop)
        sending.add_done_callback(lambda done: self._ended(parcel, done))

    def _ended(self, parcel: Parcel, done: Future[Sent]) -> None:
        with self._changed:
            if done.cancelled() or done.exception():  # the process ends: the lease runs out
                self._busy -= Counter([parcel.subscription_id])
            else:
                self._came.append(done.result())
            self._changed.notify_all()


_courier = PerProcess(Courier)


def courier() -> Courier:
    """This process's own; a forked child makes its own."""
    return _courier.get()


def courier_stop(seconds: float) -> None:
    """Let what is under way end; whoever rings from now on wakes another one."""
    stopping = _courier.replace()
    if stopping is not None and not stopping.stop(seconds):
        log.warning("stopped_with_work_under_way", parts=["courier"])


def deliveries_send(*, most: int = MOST_TOGETHER) -> int:
    """Send one set of what is due and record it, in this thread; answers how many."""
    refuse_transaction()
    parcels = deliveries_claim({}, most)
    if parcels:
        doubtful = results_record(own().run(_all(parcels)))
        subscriptions_switch_off(doubtful)
    return len(parcels)


async def _all(parcels: list[Parcel]) -> list[Sent]:
    return await asyncio.gather(*map(parcel_send, parcels))
