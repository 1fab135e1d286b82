"""The manager's page: everything that is needed to decide, and two buttons that decide once."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models import F
from django.test import Client
from django.urls import reverse

from acteon_site.base import config_versions
from audit_app.models import AuditRecord
from orders_app.models import Hold, Order
from orders_app.pipeline.hold_answers import sign_in_link
from orders_app.services.releases import holds_sweep
from rules_app.models import Rule, RuleSetVersion
from tests.people import EMAIL, PRIVATE, People, always_open, held, page_of, press, told
from tests.world import CLOSED_HOURS, Shop, publish_rules

LIST, PAGE = "orders_app_approval_changelist", "orders_app_approval_change"
APPROVE, REJECT = "orders_app_approval_approve", "orders_app_approval_reject"


def let_pass(hold: Hold, hours: int) -> None:
    Hold.objects.filter(pk=hold.pk).update(
        due_at=F("due_at") - timedelta(hours=hours), next_run_at=F("next_run_at") - timedelta(hours=hours)
    )


def test_the_list_tells_what_waits_for_how_much_and_how_long(shop: Shop, people: People) -> None:
    held(shop)
    page = page_of(people.client("approver"), LIST)
    for seen in ("big-1", "acme-store", "$750.00", "approve-high-value", " left</time>"):
        assert seen in page
    assert not any(secret in page for secret in PRIVATE)


def test_the_list_filters_by_state(shop: Shop, people: People) -> None:
    client, hold = people.client("approver"), held(shop)
    held(shop, order_id="other")
    press(client, REJECT, hold)
    for state, count in {"waiting": 1, "rejected": 1, "approved": 0, "all": 2, "": 1, "nonsense": 1}.items():
        answer = client.get(reverse(f"admin:{LIST}"), {"state": state})
        assert len(answer.context["rows"]) == count, state


def test_the_page_has_all_that_a_decision_needs_and_no_card(shop: Shop, people: People) -> None:
    page = page_of(people.client("approver"), PAGE, held(shop).pk)
    for seen in (
        "$750.00",
        "Order id",
        "A-1",
        "Orders over $500 require manager approval",
        "pending approval",
        "Yes, approve",
    ):
        assert seen in page
    assert "[REDACTED]" in page
    assert not any(secret in page for secret in PRIVATE)


def test_the_link_in_a_notification_leads_to_the_page(shop: Shop, people: People) -> None:
    answer = people.client("approver").get(urlsplit(sign_in_link(held(shop))).path)
    assert answer.status_code == 200
    assert "Yes, approve" in answer.content.decode()


def test_approving_sends_the_order_on_in_the_name_of_who_pressed(shop: Shop, people: People) -> None:
    always_open()
    hold, client = held(shop), people.client("approver", name="maria")
    answer = press(client, APPROVE, hold)
    assert answer.status_code == 302
    assert "the chain order-processing has started" in told(answer)
    hold.refresh_from_db()
    assert (hold.status, hold.decided_by) == ("approved", "maria")
    assert Order.objects.get().status == "processing"
    record = AuditRecord.objects.get(outcome="approval_approved")
    assert (record.caller_id, record.auth_method) == ("maria", "admin")
    page = page_of(client, PAGE, hold.pk)
    assert "Approved by maria" in page
    assert "Yes, approve" not in page


def test_rejecting_ends_the_order(shop: Shop, people: People) -> None:
    hold, client = held(shop), people.client("approver")
    assert "Rejected" in told(press(client, REJECT, hold))
    assert (Order.objects.get().status, Order.objects.get().reason) == ("rejected", "rejected by approver")
    assert "Rejected by approver" in page_of(client, PAGE, hold.pk)


def test_a_rejection_keeps_the_reason_that_was_typed(shop: Shop, people: People) -> None:
    hold, client = held(shop), people.client("approver")
    assert 'name="reason"' in page_of(client, PAGE, hold.pk)
    press(client, REJECT, hold, reason=" wrong address,\n card 4111111111111111 ")
    assert Order.objects.get().reason.startswith("wrong address, card ")
    record = AuditRecord.objects.get(outcome="approval_rejected")
    assert record.outcome_details["reason"] == Order.objects.get().reason
    page = page_of(client, PAGE, hold.pk)
    assert "approval rejected: wrong address" in page
    assert not any(secret in page + str(record.outcome_details) for secret in PRIVATE)


def test_a_reason_is_cut_and_an_approval_asks_for_none(shop: Shop, people: People) -> None:
    hold, client = held(shop), people.client("approver")
    assert page_of(client, PAGE, hold.pk).count('name="reason"') == 1
    press(client, REJECT, hold, reason="x" * 10_000)
    assert Order.objects.get().reason == "x" * 500


def test_after_hours_the_manager_is_told_until_when_it_waits(shop: Shop, people: People) -> None:
    hold = held(shop)
    condition = {"field": "action.action_type", "eq": "place_order"}
    Rule.objects.filter(name="schedule-after-hours").update(condition=condition)
    publish_rules()
    assert "Another rule holds the order until" in told(press(people.client("approver"), APPROVE, hold))
    assert Order.objects.get().status == "scheduled"


def test_a_rule_that_says_no_meanwhile_is_named(shop: Shop, people: People) -> None:
    hold = held(shop)
    condition = {"field": "action.payload.shipping_country", "eq": "US"}
    Rule.objects.filter(name="deny-sanctioned-regions").update(condition=condition)
    publish_rules()
    words = told(press(people.client("approver"), APPROVE, hold))
    assert "the rule deny-sanctioned-regions stops it now" in words
    assert Order.objects.get().status == "rejected"


def test_an_order_that_needs_another_approval_is_linked(shop: Shop, people: People) -> None:
    always_open()
    hold = held(shop)
    Rule.objects.create(
        name="surcharge",
        priority=2,
        condition={"field": "action.action_type", "eq": "place_order"},
        action={"type": "modify", "changes": {"surcharge_cents": 500}},
    )
    publish_rules()
    words = told(press(people.client("approver"), APPROVE, hold))
    second = Hold.objects.get(status="pending")
    assert reverse(f"admin:{PAGE}", args=[second.pk]) in words


def test_an_undecidable_release_is_told_and_tried_again(shop: Shop, people: People) -> None:
    hold = held(shop)
    RuleSetVersion.objects.all().delete()
    config_versions.reset()
    client = people.client("approver")
    assert "cannot be decided just now" in told(press(client, APPROVE, hold))
    assert "could not be decided 1 time" in page_of(client, PAGE, hold.pk)


@pytest.mark.parametrize("second", [APPROVE, REJECT])
def test_a_decision_is_made_once_and_the_second_one_is_told_so(
    shop: Shop, people: People, second: str
) -> None:
    hold, client = held(shop), people.client("approver")
    press(client, REJECT, hold)
    answer = press(client, second, hold)
    assert "Nothing was changed: this approval was decided already" in told(answer)
    assert Hold.objects.get(pk=hold.pk).status == "rejected"


def test_an_approval_whose_time_is_over_is_told_so(shop: Shop, people: People) -> None:
    hold, client = held(shop), people.client("approver")
    let_pass(hold, 1)
    assert "Yes, approve" not in page_of(client, PAGE, hold.pk)
    assert "big-1" not in page_of(client, LIST)
    assert "its time is over" in told(press(client, APPROVE, hold))
    holds_sweep()
    assert "Expired" in page_of(client, PAGE, hold.pk)


def test_what_is_not_here_leads_back_to_the_list(shop: Shop, people: People) -> None:
    hold, client = held(shop), people.client("approver")
    Hold.objects.filter(pk=hold.pk).delete()
    answer = press(client, APPROVE, hold)
    assert answer.headers["Location"] == reverse(f"admin:{LIST}")
    assert "not here any more" in told(answer)


def test_a_schedule_is_no_approval(shop: Shop, people: People) -> None:
    shop.place(now=CLOSED_HOURS)
    schedule = Hold.objects.get()
    assert "not here any more" in told(press(people.client("approver"), APPROVE, schedule))
    assert Hold.objects.get().status == "pending"


@pytest.mark.parametrize("group", ["administrator", ""])
def test_administrators_decide_too(shop: Shop, people: People, group: str) -> None:
    hold, client = held(shop), people.client(group)
    assert "Yes, reject" in page_of(client, PAGE, hold.pk)
    assert press(client, REJECT, hold).status_code == 302
    assert Hold.objects.get().status == "rejected"


@pytest.mark.parametrize("group", ["viewer", "rule editor", "operator"])
def test_who_may_only_look_sees_no_buttons_and_decides_nothing(
    shop: Shop, people: People, group: str
) -> None:
    hold, client = held(shop), people.client(group)
    page = page_of(client, PAGE, hold.pk)
    assert "$750.00" in page
    assert "Yes, approve" not in page
    for button in (APPROVE, REJECT):
        assert press(client, button, hold).status_code == 403
    assert Hold.objects.get().status == "pending"


def test_who_is_in_no_group_sees_nothing(shop: Shop, people: People) -> None:
    hold, client = held(shop), people.client("nobody")
    assert client.get(reverse(f"admin:{LIST}")).status_code == 403
    assert client.get(reverse(f"admin:{PAGE}", args=[hold.pk])).status_code == 403
    assert "big-1" not in page_of(client, "index")


def test_looking_decides_nothing(shop: Shop, people: People) -> None:
    hold, client = held(shop), people.client("approver")
    for button in (APPROVE, REJECT):
        path = reverse(f"admin:{button}", args=[hold.pk])
        assert client.get(path).status_code == 405
        assert client.head(path).status_code == 405
    assert Hold.objects.get().status == "pending"


def test_a_form_of_another_site_decides_nothing(shop: Shop, people: People) -> None:
    hold = held(shop)
    assert press(people.client("approver", csrf=True), APPROVE, hold).status_code == 403
    assert Hold.objects.get().status == "pending"


def test_a_stranger_is_asked_to_sign_in(shop: Shop) -> None:
    hold = held(shop)
    answer = press(Client(), APPROVE, hold)
    assert "/admin/login/" in answer.headers["Location"]
    assert Hold.objects.get().status == "pending"


def test_approvals_are_never_typed_in_changed_or_deleted(shop: Shop, people: People) -> None:
    hold, client = held(shop), people.client()
    for page in ("change", "delete"):
        path = reverse(f"admin:orders_app_approval_{page}", args=[hold.pk])
        assert client.post(path, {"status": "approved", "post": "yes"}).status_code == 403
    assert client.post(reverse("admin:orders_app_approval_add"), {}).status_code == 403
    assert Hold.objects.get().status == "pending"


def test_neither_the_admins_history_nor_a_cookie_keeps_the_order(shop: Shop, people: People) -> None:
    always_open()
    answer = press(people.client("approver"), APPROVE, held(shop))
    kept = repr(list(LogEntry.objects.values())) + str(answer.cookies)
    assert not any(secret in kept for secret in (*PRIVATE, EMAIL, "75000"))
