"""Many holds that fall due at once: released in sets, each as if it were alone."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acteon_site.base.clock import db_now
from acteon_site.base.source import SYSTEM_SOURCE
from audit_app.models import AuditRecord
from chains_app.models import Run
from orders_app.models import Action, Hold, Order
from orders_app.services.decisions import Verdict, approval_take
from orders_app.services.releases import holds_sweep
from orders_app.states import Decision
from rules_app.engine.counters import next_slot, slots_after, turn_slot
from rules_app.models import Rule
from tests.orders_app.test_costs import FRAMING
from tests.orders_app.test_holds import always_open, make_due, pending
from tests.world import SCOPE, Shop, order, publish_rules, tag


@pytest.fixture
def closed(shop: Shop) -> Shop:
    """A shop that schedules every order, with room for all of them in a minute."""
    Rule.objects.filter(name="schedule-after-hours").update(
        condition={"field": "action.action_type", "eq": "place_order"}
    )
    Rule.objects.filter(name="throttle-merchant-orders").update(
        action={"type": "throttle", "max_count": 1000, "window_seconds": 60}
    )
    publish_rules()
    return shop


def schedule(shop: Shop, count: int) -> None:
    answers = shop.batch([order() for _ in range(count)]).json()
    assert {tag(answer) for answer in answers} == {"Scheduled"}
    make_due()


def test_each_of_many_releases_has_its_run_and_its_two_rows_in_order(closed: Shop) -> None:
    schedule(closed, 60)
    assert holds_sweep() == 60
    orders = Order.objects.all()
    assert {one.status for one in orders} == {"processing"}
    assert len({one.run_id for one in orders}) == 60
    assert {hold.status for hold in Hold.objects.all()} == {"released"}
    rows = closed.audit()[::-1]
    for one in orders:
        outcomes = [row["outcome"] for row in rows if row["action_id"] == one.action_id_text]
        assert outcomes == ["scheduled", "schedule_released", "executed"]


def let_them_wait(past: timedelta) -> None:
    Hold.objects.update(next_run_at=db_now() - past)


def test_the_chains_of_a_backlog_are_spread_over_the_time_that_follows_and_get_their_whole_time(
    closed: Shop,
) -> None:
    schedule(closed, 40)
    let_them_wait(timedelta(seconds=15))
    before = db_now()
    assert holds_sweep(limit=40) == 40
    assert {one.status for one in Order.objects.all()} == {"processing"}
    runs = Run.objects.all()
    starts = [run.next_run_at - before for run in runs if run.next_run_at]
    assert len(starts) == 40
    assert timedelta() <= min(starts) < timedelta(seconds=20) < max(starts) < timedelta(seconds=60)
    times = {run.expires_at - run.next_run_at for run in runs if run.expires_at and run.next_run_at}
    assert times == {timedelta(seconds=120)}  # as the fixture's chain says


def test_an_order_whose_chain_is_still_to_start_is_cancelled_at_once_and_calls_nobody(closed: Shop) -> None:
    schedule(closed, 12)
    let_them_wait(timedelta(hours=3))
    holds_sweep(limit=12)
    one = Order.objects.filter(status="processing")[0]
    Run.objects.filter(pk=one.run_id).update(next_run_at=db_now() + timedelta(minutes=2))
    cancelled = closed.post(f"/v1/orders/{one.fingerprint}/cancel", {**SCOPE, "reason": "changed my mind"})
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    run = Run.objects.get(pk=one.run_id)
    assert (run.status, run.next_run_at, run.steps.filter(started_at__isnull=False).count()) == (
        "cancelled",
        None,
        0,
    )


def test_what_a_whole_outage_left_starts_within_two_minutes(closed: Shop) -> None:
    schedule(closed, 20)
    let_them_wait(timedelta(hours=3))
    holds_sweep(limit=20)
    late = Run.objects.filter(next_run_at__gt=db_now() + timedelta(seconds=10))
    assert late.exists()
    assert not late.filter(next_run_at__gt=db_now() + timedelta(seconds=120)).exists()


def test_what_is_released_when_it_is_due_starts_at_once(closed: Shop) -> None:
    schedule(closed, 3)
    let_them_wait(timedelta(seconds=4))
    holds_sweep(limit=3)
    assert Run.objects.filter(next_run_at__gt=db_now()).count() == 0
    assert set(Order.objects.values_list("status", flat=True)) <= {"processing", "completed"}


def test_a_few_orders_start_at_once_however_late_they_are_released(closed: Shop) -> None:
    schedule(closed, 3)
    let_them_wait(timedelta(hours=3))
    holds_sweep()
    assert Run.objects.filter(next_run_at__gt=db_now()).count() == 0


def test_an_approved_order_starts_at_once_however_late_it_is_released(shop: Shop) -> None:
    always_open()
    hold = Hold.objects.get(pk=pending(shop)["approval_id"])
    approval_take(hold_id=hold.pk, verdict=Verdict(Decision.APPROVE, "boss", SYSTEM_SOURCE))
    let_them_wait(timedelta(minutes=10))
    holds_sweep(limit=1)
    assert not Run.objects.filter(kind="chain", next_run_at__gt=db_now()).exists()
    assert Order.objects.get().status in {"processing", "completed"}


def test_what_one_release_takes_the_next_of_its_set_does_not_get(closed: Shop) -> None:
    schedule(closed, 5)
    Rule.objects.filter(name="throttle-merchant-orders").update(
        action={"type": "throttle", "max_count": 3, "window_seconds": 60}
    )
    Hold.objects.update(passed=[])
    publish_rules()
    due = list(Hold.objects.order_by("next_run_at", "id").values_list("order_id", flat=True))
    holds_sweep()
    assert set(due[:3]) == set(Order.objects.filter(status="processing").values_list("pk", flat=True))
    assert set(due[3:]) == set(Order.objects.filter(status="scheduled").values_list("pk", flat=True))


def test_a_broken_hold_harms_no_other_stays_held_and_is_tried_later(closed: Shop) -> None:
    schedule(closed, 7)
    broken = Hold.objects.order_by("next_run_at", "id")[3]
    Action.objects.filter(pk=broken.action_id).update(body={"not": "an action"})
    holds_sweep()
    assert Order.objects.filter(status="processing").count() == 6
    broken.refresh_from_db()
    assert (broken.status, broken.attempts) == ("pending", 1)
    assert "the log says why" in broken.problem
    assert broken.next_run_at is not None
    assert broken.next_run_at > db_now()
    assert holds_sweep() == 0


@pytest.mark.postgres  # SQLite writes row by row
def test_a_set_costs_as_many_statements_as_two(closed: Shop) -> None:
    costs = []
    for count in (2, 2, 20):  # the first fills the caches
        schedule(closed, count)
        with CaptureQueriesContext(connection) as queries:
            assert holds_sweep() == count
        asked = [query["sql"] for query in queries if not query["sql"].startswith(FRAMING)]
        costs.append([sql for sql in asked if "acteon_site_configstamp" not in sql])
    _, few, many = costs
    assert len(many) <= len(few), "\n".join(sql[:160] for sql in many)


def test_those_that_wait_for_their_turn_all_have_it_and_never_more_than_the_throttle_lets_pass(
    closed: Shop,
) -> None:
    Rule.objects.filter(name="throttle-merchant-orders").update(
        action={"type": "throttle", "max_count": 2, "window_seconds": 1}
    )
    wider = Rule.objects.get(name="throttle-merchant-orders")
    wider.pk, wider.name = None, "throttle-too"
    wider.action = {"type": "throttle", "max_count": 3, "window_seconds": 2}
    wider.save()
    publish_rules()
    schedule(closed, 5)
    until = time.monotonic() + 8
    while Order.objects.filter(status="scheduled").exists() and time.monotonic() < until:
        holds_sweep()
        time.sleep(0.1)
    rows = AuditRecord.objects.filter(outcome="executed").order_by("dispatched_at")
    passed = list(rows.values_list("dispatched_at", flat=True))
    assert len(passed) == 5
    nearly = timedelta(seconds=0.9)  # the trail tells when a set began, the throttle when it had its locks
    assert all(later - first >= nearly for first, later in zip(passed, passed[2:], strict=False))
    assert all(later - first >= 2 * nearly for first, later in zip(passed, passed[3:], strict=False))


@given(st.integers(1, 4), st.lists(st.integers(0, 3_000_000), min_size=1, max_size=25))
@example(most=1, late=[2_000_000] * 3)
@settings(max_examples=60)
def test_however_late_each_turn_is_looked_at_all_pass_and_no_window_is_overfull(
    most: int, late: list[int]
) -> None:
    """Pure: as many orders as there are delays, all released at once; a delay is how late an order is looked at."""
    due = dict.fromkeys(range(len(late)), 0)  # the turn that each has reserved; none yet
    slots: list[int] = []
    turns: list[int] = []
    passed: list[int] = []
    now = 10**9
    for look in range(60 * len(late)):
        order = min(due, key=lambda one: (due[one], one))
        now = max(now, due[order] + late[(look + order) % len(late)])
        if due[order]:
            slot = turn_slot(slots, turns, now, most, 2)
            for held in (slots, turns):
                if due[order] in held:
                    held.remove(due[order])
        else:
            slot = next_slot(slots, now, most, 2)
        slots = slots_after(slots, slot, now, 2)
        if slot > now:
            due[order] = slot
            turns = slots_after(turns, slot, now, 2)
            continue
        passed.append(now)
        del due[order]
        if not due:
            break
    assert not due
    assert all(later - first >= 2_000_000 for first, later in zip(passed, passed[most:], strict=False))
