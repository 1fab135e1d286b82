"""Turns in sets: what they cost, that they harm nobody, and that a tree's runs never meet in one."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from acteon_site.base.clock import db_now
from acteon_site.base.statements import Writes
from chains_app.models import Attempt, Run, StepRun
from chains_app.services import turns
from chains_app.services.cancelling import chain_cancel
from chains_app.services.inline import begun_within
from chains_app.services.leases import Lease, leases_take
from chains_app.services.runs import Owner, run_of_single
from chains_app.services.step_calls import make_call
from chains_app.services.turns import Work, runs_begin, runs_turn
from orders_app.models import Order
from tests.world import Shop, load_shop, order, publish_rules

FRAMING = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK")
# Orders, runs, at its first turn what they are; the clock; breakers; and all that is written as one.
MOST_STATEMENTS = 6


@pytest.fixture
def shop(db: None) -> Shop:
    load_shop()
    publish_rules()
    return Shop()


def placed(shop: Shop, count: int) -> list[Lease]:
    shop.batch([order() for _ in range(count)])
    return leases_take(list(Run.objects.filter(ended_at=None).values_list("pk", flat=True)))


def turned(work: list[Work]) -> tuple[list[Work], int]:
    """What is to be called, and how many statements it took to know."""
    with CaptureQueriesContext(connection) as queries:
        started = runs_turn(work).begun
    asked = [query["sql"] for query in queries if not query["sql"].startswith(FRAMING)]
    return started, len([sql for sql in asked if "acteon_site_configstamp" not in sql])


def to_the_end(leases: list[Lease]) -> list[int]:
    """The statements of each turn."""
    work, counts = [Work(lease) for lease in leases], []
    while work:
        started, count = turned(work)
        counts.append(count)
        work = [one.answered(make_call(one.request)) for one in started if one.request]
    return counts


@pytest.mark.postgres  # SQLite is written row by row: it has no round trips to save
def test_a_set_of_fifty_costs_as_many_statements_as_one(shop: Shop) -> None:
    to_the_end(placed(shop, 1))  # caches are warm
    alone = to_the_end(placed(shop, 1))
    together = to_the_end(placed(shop, 50))
    assert together == alone
    assert max(alone) <= MOST_STATEMENTS
    assert set(Order.objects.values_list("status", flat=True)) == {"completed"}


def test_a_run_that_cannot_be_turned_harms_no_other(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    leases = placed(shop, 7)
    broken = leases[3].run_id
    Run.objects.filter(pk=broken).update(current_step=99)
    started = runs_turn([Work(lease) for lease in leases]).begun
    assert {one.lease.run_id for one in started} == {lease.run_id for lease in leases} - {broken}
    assert Attempt.objects.count() == 6
    assert not StepRun.objects.filter(run=broken).exists()


def test_of_a_set_those_whose_lease_was_lost_drop_out(shop: Shop) -> None:
    leases = placed(shop, 3)
    Run.objects.filter(pk=leases[0].run_id).update(lease_token=None)
    started = runs_turn([Work(lease) for lease in leases]).begun
    assert [one.lease for one in started] == leases[1:]


def test_new_runs_are_stored_with_their_calls_begun_in_as_many_statements_as_one(shop: Shop) -> None:
    def begin(count: int) -> tuple[list[Work], int]:
        origin = {"id": "a", "namespace": "ecommerce", "tenant": "shop", "provider": "email-service"}
        origin |= {"action_type": "tell", "payload": {"text": "hello"}, "metadata": {}}
        now, owner = db_now(), Owner("", None)
        runs = [
            run_of_single("email-service", origin=origin, owner=owner, now=now, reply={})
            for _ in range(count)
        ]
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            work = runs_begin(runs, now, time.monotonic(), writes := Writes())
            writes.execute()
        asked = [query["sql"] for query in queries if not query["sql"].startswith(FRAMING)]
        return work, len([sql for sql in asked if "acteon_site_configstamp" not in sql])

    begin(1)  # caches are warm
    (one, alone), (many, together) = begin(1), begin(20)
    assert together == alone <= 4
    assert not leases_take([work.lease.run_id for work in many]), "a worker may take them"
    begun = {work.lease.run_id: work for work in (*one, *many)}
    begun_within(list(begun), begun, 5)
    assert set(Run.objects.filter(kind="single").values_list("status", flat=True)) == {"running", "completed"}
    assert Attempt.objects.filter(success=True).count() == 21


def test_a_run_is_read_once_under_its_lease(shop: Shop) -> None:
    work = [Work(lease) for lease in placed(shop, 2)]
    read = []
    while work:
        with CaptureQueriesContext(connection) as queries:
            begun = runs_turn(work).begun
        read.append([query["sql"] for query in queries if '"origin"' in query["sql"].partition(" FROM ")[0]])
        work = [one.answered(make_call(one.request)) for one in begun if one.request]
    assert [len(statements) for statements in read] == [1, 0, 0, 0, 0]


def test_what_others_ask_of_a_run_is_seen_though_it_is_not_read_again(shop: Shop) -> None:
    work = runs_turn([Work(lease) for lease in placed(shop, 1)]).begun
    chain_cancel(run_id=work[0].lease.run_id, actor="somebody", reason="changed their mind")
    to_the_end_of(work)
    run = Run.objects.get()
    assert (run.status, run.cancelled_by) == ("cancelled", "somebody")
    assert list(run.steps.values_list("name", flat=True)) == ["validate"]


def test_a_turn_that_is_rolled_back_leaves_nothing_in_memory(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = runs_turn([Work(lease) for lease in placed(shop, 3)]).begun
    written, executed = Writes.execute, []

    def fail_once(writes: Writes) -> None:
        executed.append(writes)
        if len(executed) == 1:
            raise IntegrityError("as if one of the rows were refused")
        written(writes)

    monkeypatch.setattr(Writes, "execute", fail_once)
    to_the_end_of(work)
    assert set(Run.objects.values_list("status", flat=True)) == {"completed"}
    assert Attempt.objects.filter(success=True).count() == Attempt.objects.count() == 3 * 4


def to_the_end_of(work: list[Work]) -> None:
    while work:
        answered = [one.answered(make_call(one.request)) for one in work if one.request]
        work = runs_turn(answered).begun


def test_a_process_that_stood_still_within_its_turn_makes_no_call_of_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease counts from the turn's begin: when the turn is over at last, another may make that call already."""
    leases, steady = placed(shop, 1), time.monotonic

    def stood_still() -> datetime:
        now = db_now()
        monkeypatch.setattr(time, "monotonic", lambda: steady() + 60)
        return now

    monkeypatch.setattr(turns, "db_now", stood_still)
    (one,) = runs_turn([Work(lease) for lease in leases]).begun
    assert one.request
    failure = make_call(one.request).failure
    assert failure
    assert (failure.code, failure.retryable, failure.unknown) == ("TIMEOUT", True, False)
