"""Orders that wait for their time or turn: listed with what they wait for, and cancelled by a button."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from audit_app.models import AuditRecord
from orders_app.admin.waiting import WaitingOrderAdmin
from orders_app.models import Action, Approval, Hold, Order, Tie, WaitingOrder
from orders_app.newest_tied import newest_tied
from tests.people import PRIVATE, People, always_open, held, page_of, press, told
from tests.world import CLOSED_HOURS, Shop

LIST, PAGE, CANCEL = (f"orders_app_waitingorder_{page}" for page in ("changelist", "change", "cancel"))


@pytest.fixture
def schedule(shop: Shop) -> Hold:
    shop.place(now=CLOSED_HOURS, payload={"order_id": "late-1"})
    return Hold.objects.get()


def test_the_list_and_the_page_tell_when_it_is_due(schedule: Hold, people: People) -> None:
    client = people.client("viewer")
    for page in (page_of(client, LIST), page_of(client, PAGE, schedule.pk)):
        assert "late-1" in page
        assert "$79.99" in page
        assert "its time" in page
        assert not any(secret in page for secret in PRIVATE)
    assert "schedule-after-hours" in page_of(client, PAGE, schedule.pk)


def test_what_waits_for_its_turn_is_there_too(shop: Shop, people: People) -> None:
    always_open()
    hold, client = held(shop), people.client("approver")
    for _ in range(10):
        shop.place()
    press(client, "orders_app_approval_approve", hold)
    assert "its turn" in page_of(client, LIST)


def test_cancelling_frees_the_order_and_is_written_down(schedule: Hold, people: People) -> None:
    client = people.client("operator")
    assert "Cancelled" in told(press(client, CANCEL, schedule))
    schedule.refresh_from_db()
    assert (schedule.status, schedule.decided_by) == ("cancelled", "operator")
    assert Order.objects.get().status == "cancelled"
    assert AuditRecord.objects.get(outcome="schedule_cancelled").caller_id == "operator"
    assert "late-1" not in page_of(client, LIST)
    assert "late-1" in page_of(client, LIST, state="cancelled")


def test_cancelling_keeps_the_reason_that_was_typed(schedule: Hold, people: People) -> None:
    client = people.client("operator")
    assert 'name="reason"' in page_of(client, PAGE, schedule.pk)
    press(client, CANCEL, schedule, reason="sold out")
    assert Order.objects.get().reason == "sold out"
    assert AuditRecord.objects.get(outcome="schedule_cancelled").outcome_details["reason"] == "sold out"


def test_what_waits_no_longer_is_told_so(schedule: Hold, people: People) -> None:
    client = people.client("operator")
    press(client, CANCEL, schedule)
    assert "it is cancelled already" in told(press(client, CANCEL, schedule))


@pytest.mark.parametrize("group", ["viewer", "approver", "rule editor"])
def test_who_may_not_change_orders_cancels_nothing(schedule: Hold, people: People, group: str) -> None:
    client = people.client(group)
    assert "Yes, cancel it" not in page_of(client, PAGE, schedule.pk)
    assert press(client, CANCEL, schedule).status_code == 403
    assert client.get(reverse(f"admin:{CANCEL}", args=[schedule.pk])).status_code == 403
    assert Hold.objects.get().status == "pending"


def test_an_approval_is_not_cancelled_here(shop: Shop, people: People) -> None:
    hold = held(shop)
    assert "not here any more" in told(press(people.client("operator"), CANCEL, hold))
    assert Hold.objects.get().status == "pending"


@pytest.mark.postgres
@pytest.mark.django_db
def test_what_is_due_soonest_is_read_in_its_order_of_all_shops_and_of_one(schedule: Hold) -> None:
    """Whatever waits: a list of fifty reads fifty."""
    Hold.objects.bulk_create(
        Hold(
            kind=kind,
            namespace="a",
            tenant=f"shop-{number % 5}",
            action=schedule.action,
            due_at=schedule.due_at + timedelta(seconds=number),
        )
        for number in range(1000)
        for kind in ("approval", "turn")
    )
    waiting = WaitingOrder.objects.filter(kind__in=WaitingOrderAdmin.kinds, status="pending")
    one = Approval.objects.filter(kind="approval", status="pending", namespace="a", tenant="shop-1")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_app_hold")
    for rows, index in ((waiting, "waiting_soonest"), (one, "hold_tenant_soonest")):
        plan = rows.order_by("due_at", "pk")[:51].explain(format="json")
        assert index in plan
        assert '"Sort"' not in plan


@pytest.mark.django_db
def test_the_newest_of_many_ties_are_found(shop: Shop) -> None:
    for number in range(3):
        shop.place(payload={"order_id": f"ORD-{number}"})
    now, actions = timezone.now(), list(Action.objects.order_by("received_at"))
    for number, action in enumerate(actions):
        Tie.objects.create(
            key=f"key-{number % 2}",
            kind="email",
            action=action,
            at=now + timedelta(number),
            outcome="Executed",
        )
    assert newest_tied(["key-0", "key-1", "nobody's"], 2) == [actions[2].pk, actions[1].pk]
    assert newest_tied([], 2) == []
