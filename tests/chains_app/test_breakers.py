"""Circuit breakers: when they open, who may probe, where a call goes meanwhile, and what they cost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError
from acteon_site.base.statements import pipelined
from audit_app.models import AuditRecord, Event
from audit_app.services.journal import Journal
from chains_app.models import CircuitBreaker, Provider
from chains_app.services.breakers import (
    Blocked,
    Called,
    Route,
    breaker_reset,
    breaker_routes,
    breaker_trip,
    breakers_record,
)
from chains_app.states import BreakerState

GATEWAY, QUEUE, LAST = "payment-gateway", "compliance-queue", "last-resort"
NOW = datetime.fromisoformat("2026-03-02T12:00:00+00:00")


def guarded(name: str = GATEWAY, **settings: Any) -> CircuitBreaker:
    values = {"failure_threshold": 2, "recovery_timeout_seconds": 60, **settings}
    Provider.objects.get_or_create(name=name, defaults={"kind": "log"})
    breaker = CircuitBreaker.objects.create(provider=name, **values)
    config_versions.reset()
    return breaker


def state_of(name: str = GATEWAY) -> CircuitBreaker:
    return CircuitBreaker.objects.get(provider=name)


def route(name: str = GATEWAY, now: datetime = NOW) -> Route:
    found = breaker_routes([name], now=now)[name]
    assert isinstance(found, Route)
    return found


def blocked(name: str = GATEWAY, now: datetime = NOW) -> Blocked:
    found = breaker_routes([name], now=now)[name]
    assert isinstance(found, Blocked)
    return found


def record(taken: Route, ok: bool, counts: bool = True, now: datetime = NOW) -> None:
    journal = Journal()
    with transaction.atomic():
        breakers_record([Called(taken, ok, counts and not ok)], now=now, journal=journal)
        journal.write()


def opened(now: datetime = NOW, **settings: Any) -> CircuitBreaker:
    return guarded(state=BreakerState.OPEN, opened_at=now, **settings)


@pytest.mark.django_db
def test_consecutive_failures_open_it_and_a_success_between_starts_anew() -> None:
    guarded()
    record(route(), ok=False)
    record(route(), ok=True)
    assert state_of().failures == 0
    record(route(), ok=False)
    assert state_of().state == BreakerState.CLOSED
    record(route(), ok=False)
    assert (state_of().state, state_of().opened_at) == (BreakerState.OPEN, NOW)
    assert blocked() == Blocked(GATEWAY, (), NOW + timedelta(seconds=60))
    assert list(Event.objects.values_list("type", "namespace", "tenant", "data")) == [
        ("circuit_state_changed", "", "", {"provider": GATEWAY, "state": "open"})
    ]
    assert AuditRecord.objects.get().outcome_details["reason"] == "failures in a row"


@pytest.mark.django_db
def test_failures_that_say_nothing_about_the_provider_do_not_count() -> None:
    guarded(failure_threshold=1)
    record(route(), ok=False, counts=False)
    assert (state_of().state, state_of().failures) == (BreakerState.CLOSED, 0)


@pytest.mark.django_db
def test_a_healthy_call_costs_one_read_and_no_write() -> None:
    guarded()
    guarded("warehouse")
    breaker_routes([GATEWAY], now=NOW)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        taken = breaker_routes([GATEWAY, "warehouse", "email-service"], now=NOW)
        for found in taken.values():
            assert isinstance(found, Route)
            breakers_record([Called(found, True, False)], now=NOW, journal=Journal())
    assert len(queries) == 1


@pytest.mark.django_db
def test_names_without_a_breaker_cost_nothing() -> None:
    breaker_routes(["x"], now=NOW)
    with CaptureQueriesContext(connection) as queries:
        found = breaker_routes(["email-service", "nobody"], now=NOW)
    assert found["email-service"] == Route("email-service")
    assert len(queries) == 0


@pytest.mark.django_db
def test_after_the_recovery_time_one_probe_goes_through_at_a_time() -> None:
    opened()
    later = NOW + timedelta(seconds=60)
    assert blocked(now=later - timedelta(milliseconds=1)).retry_at > NOW
    probe = route(now=later)
    assert probe.probe_token is not None
    assert state_of().state == BreakerState.HALF_OPEN
    assert blocked(now=later).retry_at == later + timedelta(seconds=1)
    record(probe, ok=True, now=later)
    assert (state_of().state, state_of().probe_token) == (BreakerState.CLOSED, None)
    assert [event.data["state"] for event in Event.objects.order_by("id")] == ["half_open", "closed"]
    rows = AuditRecord.objects.filter(provider=GATEWAY, outcome="state_changed").order_by("id")
    assert [(row.namespace, row.tenant, row.verdict) for row in rows] == [("", "", "state_machine")] * 2
    assert [
        (row.outcome_details["from"], row.outcome_details["to"], row.outcome_details["reason"])
        for row in rows
    ] == [("open", "half_open", "recovery time over"), ("half_open", "closed", "probe succeeded")]


@pytest.mark.django_db
def test_it_closes_only_after_as_many_good_probes_as_it_asks_for() -> None:
    opened(success_threshold=2)
    later = NOW + timedelta(seconds=60)
    record(route(now=later), ok=True, now=later)
    assert (state_of().state, state_of().successes) == (BreakerState.HALF_OPEN, 1)
    record(route(now=later), ok=True, now=later)
    assert state_of().state == BreakerState.CLOSED


@pytest.mark.django_db
def test_a_failed_probe_opens_it_for_another_recovery_time() -> None:
    opened()
    later = NOW + timedelta(seconds=60)
    record(route(now=later), ok=False, now=later)
    assert (state_of().state, state_of().opened_at) == (BreakerState.OPEN, later)
    assert blocked(now=later + timedelta(seconds=59))


@pytest.mark.django_db
def test_a_probe_that_says_nothing_is_handed_back() -> None:
    opened()
    later = NOW + timedelta(seconds=60)
    record(route(now=later), ok=False, counts=False, now=later)
    assert (state_of().state, state_of().probe_token) == (BreakerState.HALF_OPEN, None)
    assert route(now=later).probe_token


@pytest.mark.django_db
def test_a_probe_whose_process_died_is_given_to_another_and_its_late_result_is_ignored() -> None:
    opened()
    later = NOW + timedelta(seconds=60)
    lost = route(now=later)
    much_later = later + timedelta(minutes=5)
    taken = route(now=much_later)
    assert taken.probe_token not in (None, lost.probe_token)
    record(lost, ok=False, now=much_later)
    assert state_of().state == BreakerState.HALF_OPEN
    record(taken, ok=True, now=much_later)
    assert state_of().state == BreakerState.CLOSED


@pytest.mark.django_db
def test_a_call_that_began_before_it_opened_does_not_move_it() -> None:
    guarded()
    old = route()
    breaker_trip(provider=GATEWAY, actor="op")
    opened_at = state_of().opened_at
    record(old, ok=False)
    record(old, ok=True)
    assert (state_of().state, state_of().opened_at) == (BreakerState.OPEN, opened_at)


@pytest.mark.django_db
def test_an_open_one_leads_to_its_fallback_and_on_to_the_fallbacks_own() -> None:
    Provider.objects.create(name=LAST, kind="log")
    guarded(QUEUE, fallback_provider=LAST)
    opened(fallback_provider=QUEUE)
    assert route() == Route(QUEUE, guarded=True)
    CircuitBreaker.objects.filter(provider=QUEUE).update(state=BreakerState.OPEN, opened_at=NOW)
    assert route() == Route(LAST)
    Provider.objects.filter(name=LAST).update(enabled=False)
    config_versions.reset()
    assert blocked() == Blocked(GATEWAY, (QUEUE, LAST), NOW + timedelta(seconds=60))


@pytest.mark.django_db
def test_a_circle_of_fallbacks_that_came_about_by_hand_ends() -> None:
    guarded(QUEUE, fallback_provider=GATEWAY, state=BreakerState.OPEN, opened_at=NOW)
    opened(fallback_provider=QUEUE)
    assert blocked().fallback_chain == (QUEUE,)


@pytest.mark.django_db
def test_a_switched_off_breaker_guards_nothing() -> None:
    opened(enabled=False)
    assert route() == Route(GATEWAY)


@pytest.mark.django_db
def test_it_is_tripped_and_reset_by_hand() -> None:
    guarded()
    assert breaker_trip(provider=GATEWAY, actor="op").state == BreakerState.OPEN
    assert blocked(now=db_now())
    assert breaker_reset(provider=GATEWAY, actor="op").state == BreakerState.CLOSED
    assert route(now=db_now())
    with pytest.raises(AppError) as caught:
        breaker_trip(provider="nobody", actor="op")
    assert caught.value.status == 404


def in_threads(count: int, work: Any) -> list[Any]:
    """Run `work(index)` in as many threads at once, each with a connection of its own."""
    start, results = threading.Barrier(count), [None] * count

    def run(index: int) -> None:
        try:
            start.wait(10)
            results[index] = work(index)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@contextmanager
def in_a_pipeline() -> Iterator[None]:
    """As a set of orders asks: there, nobody learns how many rows an UPDATE has changed."""
    with pipelined(), transaction.atomic():
        yield


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("around", [nullcontext, in_a_pipeline])
def test_of_many_that_ask_at_once_exactly_one_probes(around: Callable[[], Any]) -> None:
    def asked(_: int) -> Any:
        with around():
            return breaker_routes([GATEWAY], now=later)[GATEWAY]

    opened()
    later = NOW + timedelta(seconds=61)
    for _ in range(5):
        CircuitBreaker.objects.update(state=BreakerState.OPEN, probe_token=None, probe_until=None)
        found = in_threads(12, asked)
        probes = [item for item in found if isinstance(item, Route)]
        assert len(probes) == 1
        assert len([item for item in found if isinstance(item, Blocked)]) == 11
        assert state_of().probe_token == probes[0].probe_token


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_failures_counted_at_once_are_all_counted_and_open_it_once() -> None:
    guarded(failure_threshold=12)
    taken = route()
    in_threads(11, lambda _: record(taken, ok=False))
    assert (state_of().state, state_of().failures) == (BreakerState.CLOSED, 11)
    in_threads(8, lambda _: record(taken, ok=False))
    assert state_of().state == BreakerState.OPEN
    assert Event.objects.filter(type="circuit_state_changed").count() == 1


@pytest.mark.django_db
def test_where_only_the_provider_itself_will_do_no_fallback_is_asked() -> None:
    guarded(QUEUE, state=BreakerState.OPEN, opened_at=NOW - timedelta(hours=1))
    opened(fallback_provider=QUEUE)
    found = breaker_routes([GATEWAY], now=NOW, fallbacks=False)[GATEWAY]
    assert found == Blocked(GATEWAY, (), NOW + timedelta(seconds=60))
    assert state_of(QUEUE).probe_token is None
