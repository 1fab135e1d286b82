"""Circuit breakers that all processes share: one row each, every change a compare-and-swap on it.

closed: calls go through; `failure_threshold` retryable failures in a row open it. open: nothing goes through
for `recovery_timeout_seconds` by the database's clock. half_open: one probe at a time; `success_threshold`
successes close it, a failure opens it anew. A healthy provider costs one read and no write.

A change of state makes an audit row (state_changed, of no tenant), the event circuit_state_changed and a line in
the log, the first two in the transaction of the change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError, not_found
from acteon_site.base.ids import new_id
from acteon_site.base.many_rows import rows_update
from acteon_site.base.source import SYSTEM_SOURCE, Source
from audit_app.services.journal import Journal, Subject
from chains_app import selectors
from chains_app.models import CircuitBreaker
from chains_app.states import BreakerState

log = structlog.get_logger()
# A probe whose process died is given to another after the provider's timeout and this.
PROBE_MARGIN = timedelta(seconds=30)
# While another's probe is under way, it is worth asking again this soon.
PROBE_PAUSE = timedelta(seconds=1)
STATE_FIELDS = ["state", "failures", "successes", "opened_at", "probe_token", "probe_until"]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call may go. A Route with a probe token is for exactly one call, and must be recorded."""

    provider: str
    probe_token: UUID | None = None
    # Failures in a row as they stood when the route was given; a success clears them.
    failures: int = 0
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Called:
    """How a routed call went. `counts`: it failed in a way that speaks against the provider (a retryable failure)."""

    route: Route
    ok: bool
    counts: bool

    @property
    def tells(self) -> bool:
        """Whether the breaker wants to know. A healthy success writes nothing."""
        route = self.route
        return route.guarded and bool(route.probe_token or self.counts or (self.ok and route.failures))


TakeProbe = Callable[[CircuitBreaker, datetime], UUID | None]


@dataclass(frozen=True, slots=True)
class Blocked:
    """No way through. `fallback_chain` are the fallbacks that were asked and are closed to calls as well."""

    provider: str
    fallback_chain: tuple[str, ...]
    retry_at: datetime


class Routes:
    """The ways to providers, for all calls of one transaction: one SELECT at the first, and none where no breaker
    guards them.

    `now` is the database's time. Inside a transaction a probe is taken when it commits, and the breaker's row
    stays locked until then: ask late, and hold no call open over it.
    """

    def __init__(self, names: Collection[str], *, now: datetime) -> None:
        self._names, self._now = names, now
        self._rows: dict[str, CircuitBreaker] | None = None

    def to(self, name: str, *, fallbacks: bool = True) -> Route | Blocked:
        """Without `fallbacks` only the provider itself will do: to undo a step, or after an unknown outcome."""
        if self._rows is None:
            self._rows = _rows(self._names)
        return _route(name, self._rows, self._now, _take_probe, fallbacks=fallbacks)


def breaker_routes(
    names: Collection[str], *, now: datetime, fallbacks: bool = True
) -> dict[str, Route | Blocked]:
    """A Route or Blocked for each name."""
    routes = Routes(names, now=now)
    return {name: routes.to(name, fallbacks=fallbacks) for name in dict.fromkeys(names)}


def breakers_blocking(names: Collection[str], *, now: datetime) -> dict[str, Blocked]:
    """Those of the names that no call would get through to at present. Takes no probe, writes nothing."""
    rows = _rows(names)
    routes = {name: _route(name, rows, now, _would_probe) for name in dict.fromkeys(names)}
    return {name: route for name, route in routes.items() if isinstance(route, Blocked)}


def _rows(names: Collection[str]) -> dict[str, CircuitBreaker]:
    guarded = _closure(names)
    if not guarded:
        return {}
    return {row.provider: row for row in CircuitBreaker.objects.filter(provider__in=guarded, enabled=True)}


def breakers_record(calls: Sequence[Called], *, now: datetime, journal: Journal) -> None:
    """Record how routed calls went, in their order; inside the transaction that records their replies.

    A failure that does not count leaves the breaker as it is and hands the probe back.
    """
    telling = [call for call in calls if call.tells]
    if not telling:
        return
    named = CircuitBreaker.objects.filter(provider__in={call.route.provider for call in telling})
    rows = {row.provider: row for row in named.select_for_update().order_by("provider")}
    for call in telling:
        breaker = rows.get(call.route.provider)
        if breaker is not None:
            _record(breaker, call, now, journal)
    rows_update(list(rows.values()), STATE_FIELDS)


def _record(breaker: CircuitBreaker, call: Called, now: datetime, journal: Journal) -> None:
    if call.route.probe_token:
        _record_probe(breaker, call, now, journal)
    elif breaker.state != BreakerState.CLOSED:
        return
    elif call.ok:
        breaker.failures = 0
    else:
        _record_failure(breaker, now, journal)


def breaker_trip(*, provider: str, actor: str, source: Source = SYSTEM_SOURCE) -> CircuitBreaker:
    """Open it by hand; it recovers as it would after failures. Raises 404 where the provider has no breaker."""
    return _set_by_hand(provider, BreakerState.OPEN, actor, source)


def breaker_reset(*, provider: str, actor: str, source: Source = SYSTEM_SOURCE) -> CircuitBreaker:
    """Close it by hand and forget its failures. Raises 404 where the provider has no breaker."""
    return _set_by_hand(provider, BreakerState.CLOSED, actor, source)


def breaker_unknown(provider: str) -> AppError:
    return not_found(f"provider {provider} has no circuit breaker")


def _closure(names: Collection[str]) -> set[str]:
    """The breakers that guard these names, or fallbacks that they may lead to."""
    fallbacks = selectors.breaker_fallbacks()
    found: set[str] = set()
    waiting = [name for name in names if name in fallbacks]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [fallbacks[name]] if fallbacks[name] in fallbacks else []
    return found


def _route(
    name: str,
    rows: Mapping[str, CircuitBreaker],
    now: datetime,
    take: TakeProbe,
    *,
    fallbacks: bool = True,
) -> Route | Blocked:
    tried: list[str] = []
    current = name
    while True:
        breaker = rows.get(current)
        route = _through(current, name, breaker, now, take)
        if route:
            return route
        fallback = breaker.fallback_provider if breaker and fallbacks else ""
        if not fallback or fallback in (name, *tried):
            return Blocked(name, tuple(tried), _retry_at(rows[name], now))
        tried.append(fallback)
        current = fallback


def _through(
    provider: str, original: str, breaker: CircuitBreaker | None, now: datetime, take: TakeProbe
) -> Route | None:
    """A way through this provider's own breaker, if there is one now."""
    settings = selectors.providers().get(provider)
    if provider != original and (settings is None or not settings.enabled):
        return None
    if breaker is None:
        return Route(provider)
    if breaker.state == BreakerState.CLOSED:
        return Route(provider, failures=breaker.failures, guarded=True)
    token = take(breaker, now)
    return Route(provider, token, guarded=True) if token else None


def _take_probe(breaker: CircuitBreaker, now: datetime) -> UUID | None:
    """The one probe token, if it is to be had: of all who ask at once, the first to lock the row gets it."""
    if not _may_probe(breaker, now):
        return None
    with transaction.atomic():
        # By the row, and not by how many an UPDATE has changed: in a pipeline nobody learns that.
        row = CircuitBreaker.objects.select_for_update().filter(pk=breaker.pk, enabled=True).first()
        if row is None or row.state == BreakerState.CLOSED or not _may_probe(row, now):
            return None
        if row.state == BreakerState.OPEN:
            _announce(row, BreakerState.HALF_OPEN, "recovery time over", journal := Journal())
            journal.write()
            row.state, row.successes = BreakerState.HALF_OPEN, 0
        row.probe_token, row.probe_until = new_id(), now + _probe_time(row)
        rows_update([row], STATE_FIELDS)
    for name in STATE_FIELDS:  # others of this transaction may ask as well
        setattr(breaker, name, getattr(row, name))
    return row.probe_token


def _would_probe(breaker: CircuitBreaker, now: datetime) -> UUID | None:
    """A token that opens nothing: whether a probe is to be had."""
    return new_id() if _may_probe(breaker, now) else None


def _may_probe(breaker: CircuitBreaker, now: datetime) -> bool:
    """Whether the probe is to be had, by the row as read."""
    if breaker.state == BreakerState.OPEN:
        recovery = timedelta(seconds=breaker.recovery_timeout_seconds)
        return breaker.opened_at is not None and breaker.opened_at <= now - recovery
    return breaker.probe_token is None or breaker.probe_until is None or breaker.probe_until <= now


def _probe_time(breaker: CircuitBreaker) -> timedelta:
    settings = selectors.providers().get(breaker.provider)
    return timedelta(seconds=settings.timeout_seconds if settings else 60) + PROBE_MARGIN


def _retry_at(breaker: CircuitBreaker, now: datetime) -> datetime:
    if breaker.state == BreakerState.OPEN and breaker.opened_at:
        recovery = timedelta(seconds=breaker.recovery_timeout_seconds)
        return max(breaker.opened_at + recovery, now + PROBE_PAUSE)
    return now + PROBE_PAUSE


def _record_probe(breaker: CircuitBreaker, call: Called, now: datetime, journal: Journal) -> None:
    # A probe that took too long was given to another, or a person has decided meanwhile.
    if breaker.state != BreakerState.HALF_OPEN or breaker.probe_token != call.route.probe_token:
        return
    breaker.probe_token = breaker.probe_until = None
    if call.ok and breaker.successes + 1 >= breaker.success_threshold:
        _move(breaker, BreakerState.CLOSED, "probe succeeded", now, journal)
    elif call.ok:
        breaker.successes += 1
    elif call.counts:
        _move(breaker, BreakerState.OPEN, "probe failed", now, journal)


def _record_failure(breaker: CircuitBreaker, now: datetime, journal: Journal) -> None:
    breaker.failures += 1
    if breaker.failures >= breaker.failure_threshold:
        _move(breaker, BreakerState.OPEN, "failures in a row", now, journal)


def _move(breaker: CircuitBreaker, state: BreakerState, reason: str, now: datetime, journal: Journal) -> None:
    """Open or closed, with all counts at their beginning. The caller saves it."""
    _announce(breaker, state, reason, journal)
    breaker.state, breaker.opened_at = state, now if state == BreakerState.OPEN else None
    breaker.failures = breaker.successes = 0
    breaker.probe_token = breaker.probe_until = None


def _announce(breaker: CircuitBreaker, state: BreakerState, reason: str, journal: Journal) -> None:
    log.warning("circuit_state_changed", provider=breaker.provider, state=state.value, reason=reason)
    row = Subject("", "", breaker.provider, "circuit_breaker", breaker.provider)
    details = {
        "circuit_breaker": breaker.provider,
        "from": breaker.state,
        "to": state.value,
        "reason": reason,
    }
    journal.audit(row, outcome="state_changed", verdict="state_machine", outcome_details=details)
    frame = Subject("", "", breaker.provider)
    journal.event("circuit_state_changed", frame, provider=breaker.provider, state=state.value)


@transaction.atomic
def _set_by_hand(provider: str, state: BreakerState, actor: str, source: Source) -> CircuitBreaker:
    breaker = CircuitBreaker.objects.select_for_update().filter(provider=provider).first()
    if breaker is None:
        raise breaker_unknown(provider)
    log.info("circuit_set_by_hand", provider=provider, state=state.value, actor=actor)
    journal = Journal(source)
    _move(breaker, state, f"by hand: {actor}", db_now(), journal)
    breaker.save(update_fields=STATE_FIELDS)
    journal.write()
    return breaker
