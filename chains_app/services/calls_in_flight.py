"""The provider calls of a process, side by side.

Each call that is started ends with exactly one `done`. A provider has as many calls in flight as its settings let
it, and the rest wait in order for their turn, which holds up no other provider. No lock is held while `done` runs.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from itertools import islice

import structlog

from acteon_site.base import spans
from acteon_site.base.per_process import PerProcess
from chains_app.engine.call_results import Failure
from chains_app.providers.base import EXECUTION_FAILED, NOT_FOUND, TIMEOUT, Answer, Call, ProviderError
from chains_app.providers.calling import (
    Prepared,
    answer_at_once,
    answer_of,
    is_at_once,
    most_in_flight,
    prepare,
    refuse_transaction,
)
from chains_app.providers.own import own
from chains_app.selectors import providers
from chains_app.services.requests import Reply, Request
from chains_app.services.spans_of_runs import call_traced

log = structlog.get_logger()
Done = Callable[[Request, Reply], None]
# Shorter than the margin by which a lease outlasts its call: who waits longer for his turn was not called at all.
TURN_SECONDS = 20.0
# A call goes out within this time after its lease began or never: a process may stand still in between, also in the
# transaction that records it, until the lease has run out and another makes the call or settles that none was made.
# Shorter than MARGIN of leases, longer than TURN_SECONDS.
SEND_SECONDS = 25.0
UNBOUNDED = 1000


@dataclass(eq=False, slots=True)
class _Flight:
    """One call from its start to its end. `context`: what the thread that started it logs with."""

    request: Request
    done: Done
    prepared: Prepared
    context: Context = field(default_factory=copy_context)

    @property
    def provider(self) -> str:
        return self.prepared.settings.name


@dataclass(slots=True)
class _Places:
    """A provider's calls in this process: how many may be in flight, how many are, and who waits, in order."""

    most: int = 1
    taken: int = 0
    waiting: dict[_Flight, None] = field(default_factory=dict)

    @property
    def begun(self) -> int:
        return self.taken + len(self.waiting)

    def following(self) -> list[_Flight]:
        """Those whose turn it is, with their places taken."""
        flights = list(islice(self.waiting, max(0, self.most - self.taken)))
        for flight in flights:
            del self.waiting[flight]
        self.taken += len(flights)
        return flights


class CallsInFlight:
    """The provider calls of one process, side by side on one event loop in a thread of its own."""

    def __init__(self) -> None:
        self._places: defaultdict[str, _Places] = defaultdict(_Places)
        self._count = 0
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)

    def start(self, request: Request, done: Done) -> None:
        """Begin the call and return at once; `done` is called once with what it came to.

        It is called from the loop's thread, where it must neither block nor ask the database. But where the call is
        over at once (`log`, a provider that is gone or switched off) it is called from this thread, before `start`
        returns. Over its provider's `max_concurrent` the call waits for its turn, at most TURN_SECONDS or its own
        timeout; then it fails as one that was not sent. Raises AssertionError inside a transaction, else nothing.
        """
        refuse_transaction()
        if spans.tracer is not None:
            request, done = call_traced(spans.tracer, request, done)
        started = time.monotonic_ns()
        try:
            prepared = _prepared(request.call)
            _require_in_time(request)
            answer = answer_at_once(prepared) if prepared.at_once else None
        except ProviderError as error:
            _tell(done, request, _failed(error, started))
        else:
            if answer is not None:
                _tell(done, request, _answered(answer, started))
            else:
                self._enter(_Flight(request, done, prepared))

    def free(self, provider: str) -> int:
        """How many more calls to that provider may begin now in this process; those that wait count as begun.

        Of a provider that is gone, or that waits for nobody, as many as anybody likes: they are over at once.
        """
        settings = providers().get(provider)
        try:
            most = most_in_flight(settings) if settings and not is_at_once(settings) else UNBOUNDED
        except ProviderError:
            return UNBOUNDED
        with self._lock:
            places = self._places.get(provider)
            return max(0, most - places.begun) if places else most

    @property
    def in_flight(self) -> int:
        """Those that were started and whose `done` has not returned, waiting ones included."""
        return self._count

    def drain(self, seconds: float) -> bool:
        """Wait until all have ended; False where some have not. Not from the loop's thread."""
        with self._ended:
            return self._ended.wait_for(lambda: self._count == 0, seconds)

    def _enter(self, flight: _Flight) -> None:
        with self._lock:
            self._count += 1
            places = self._places[flight.provider]
            places.most = flight.prepared.most
            places.waiting[flight] = None
            following = places.following()
        for one in following:
            own().soon(self._begin, one)
        if flight not in following:
            own().soon(self._give_up_later, flight)

    def _begin(self, flight: _Flight) -> None:
        own().loop.create_task(self._fly(flight), context=flight.context)

    async def _fly(self, flight: _Flight) -> None:
        started = time.monotonic_ns()
        try:
            _require_in_time(flight.request)
            reply = _answered(await answer_of(flight.prepared), started)
        except ProviderError as error:
            reply = _failed(error, started)
        with self._lock:
            places = self._places[flight.provider]
            places.taken -= 1
            following = places.following()
        for one in following:
            self._begin(one)
        self._leave(flight, reply)

    def _give_up_later(self, flight: _Flight) -> None:
        seconds = min(TURN_SECONDS, flight.request.call.timeout_seconds)
        own().loop.call_later(seconds, self._give_up, flight, time.monotonic_ns())

    def _give_up(self, flight: _Flight, started: int) -> None:
        with self._lock:
            waits = flight in self._places[flight.provider].waiting
            self._places[flight.provider].waiting.pop(flight, None)
        if waits:
            error = ProviderError(TIMEOUT, "no place in time among the calls to it", retryable=True)
            self._leave(flight, _failed(error, started))

    def _leave(self, flight: _Flight, reply: Reply) -> None:
        _tell(flight.done, flight.request, reply)
        with self._ended:
            self._count -= 1
            self._ended.notify_all()


def _prepared(call: Call) -> Prepared:
    """Raises ProviderError only: nothing was sent yet."""
    try:
        settings = providers().get(call.provider)
        if settings is None:
            raise ProviderError(NOT_FOUND, f"no provider is named {call.provider!r}")
        return prepare(settings, call)
    except ProviderError:
        raise
    except Exception as error:  # the database is gone
        log.error("call_not_prepared", provider=call.provider, error=type(error).__name__)
        raise ProviderError(EXECUTION_FAILED, "the settings cannot be read", retryable=True) from None


def _require_in_time(request: Request) -> None:
    if time.monotonic() - request.since > SEND_SECONDS:
        raise ProviderError(TIMEOUT, "not sent: the process stood still for too long", retryable=True)


def _answered(answer: Answer, started: int) -> Reply:
    return Reply(answer.body, None, _microseconds_since(started))


def _failed(error: ProviderError, started: int) -> Reply:
    failure = Failure(
        error.code, error.message, error.retryable, error.unknown, error.retry_after, error.settles
    )
    return Reply(None, failure, _microseconds_since(started))


def _microseconds_since(started: int) -> int:
    return max(1, (time.monotonic_ns() - started) // 1000)


def _tell(done: Done, request: Request, reply: Reply) -> None:
    try:
        done(request, reply)
    except Exception:  # whoever started it has a fault; the loop, and the other calls, go on
        log.exception("call_not_taken", provider=request.call.provider)


_in_flight = PerProcess(CallsInFlight)


def calls_in_flight() -> CallsInFlight:
    """This process's own; a forked child makes its own."""
    return _in_flight.get()
