"""What helps to decide: orders that are tied by keyed hashes, points of risk with their reasons, reminders in time."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.source import SYSTEM_SOURCE
from audit_app.models import AuditRecord, Event
from audit_app.services.relay import relay
from chains_app.models import Run
from orders_app.approval_policy import DEFAULT_RISK
from orders_app.models import Action, ApprovalPolicy, Hold, Order, Tie
from orders_app.related import related_orders, shops_past
from orders_app.risk import Asked, Past, risk_of
from orders_app.services.assessing import UNASSESSED, approvals_assess
from orders_app.services.decisions import Verdict, approval_take
from orders_app.services.notices_due import approvals_remind
from orders_app.services.ties import ties_draw
from orders_app.states import Decision
from orders_app.tasks import assess
from tests.people import EMAIL, held
from tests.world import Shop


def drawn() -> None:
    relay()
    while ties_draw():
        pass


def policy(**fields: Any) -> None:
    ApprovalPolicy.objects.create(name="p", **fields)
    config_versions.reset()


def let_pass(hold: Hold, seconds: int) -> None:
    columns = ("due_at", "next_run_at", "remind_at", "created_at")
    Hold.objects.filter(pk=hold.pk).update(**{name: F(name) - timedelta(seconds=seconds) for name in columns})


def test_orders_are_tied_by_hashes_alone_and_each_once(shop: Shop) -> None:
    shop.place()
    shop.place(payload={"customer_email": " ADA@example.com ", "card_number": "4012888888881881"})
    drawn()
    drawn()
    assert Tie.objects.filter(kind="email").count() == 2
    assert Tie.objects.filter(kind="email").values("key").distinct().count() == 1
    assert Tie.objects.filter(kind="card").values("key").distinct().count() == 2
    kept = str(list(Tie.objects.values()))
    assert not any(value in kept for value in (EMAIL, "4111111111111111"))


def test_another_tenant_is_never_tied(shop: Shop) -> None:
    shop.place(tenant="other")
    hold = held(shop)
    drawn()
    assert related_orders(hold) == []


def test_a_crash_between_events_and_ties_loses_none(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.place()
    relay()

    def broken(*_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("orders_app.services.ties._draw", broken)
        with pytest.raises(RuntimeError):
            ties_draw()
    drawn()
    assert Tie.objects.filter(kind="email").count() == 1


def test_a_repeat_is_no_order_of_its_own(shop: Shop) -> None:
    shop.place(id="one", dedup_key="k")
    shop.place(id="two", dedup_key="k")
    drawn()
    assert Tie.objects.filter(kind="email").count() == 1


def test_the_customers_past_says_what_became_of_each_order(shop: Shop) -> None:
    shop.place(payload={"order_id": "fine"})
    shop.place(payload={"order_id": "bad", "shipping_country": "SY"})
    Order.objects.filter(fingerprint="fine").update(status="completed")
    hold = held(shop)
    drawn()
    found = {one.past.outcome: one for one in related_orders(hold)}
    assert set(found) == {"Executed", "Suppressed"}
    assert (found["Executed"].name, found["Executed"].past.status) == ("fine", "completed")
    assert found["Suppressed"].past.is_refused
    assert found["Suppressed"].order_id is None
    assert set(found["Executed"].past.kinds) == {"email", "card"}
    assert shops_past(hold).statuses == {"completed": 1, "held": 1}


def test_points_have_their_reasons_and_nothing_private(shop: Shop) -> None:
    for _ in range(3):
        shop.place(payload={"total_cents": 1_000})
    drawn()
    hold = held(shop, billing_country="DE")
    approvals_assess()
    hold.refresh_from_db()
    assert hold.risk == 75
    assert hold.risk_reasons == [
        "75 times what this customer usually orders (+30)",
        "3 other orders with the same card within a day (+25)",
        "sent to US, billed in DE (+20)",
    ]


def test_a_policy_changes_the_points_and_zero_switches_a_sign_off(shop: Shop) -> None:
    policy(namespace="ecommerce", risk={"first_order": {"points": 0}, "country_differs": {"points": 7}})
    hold = held(shop, billing_country="DE")
    approvals_assess()
    hold.refresh_from_db()
    assert (hold.risk, hold.risk_reasons) == (7, ["sent to US, billed in DE (+7)"])


def test_a_first_order_says_so_and_a_total_that_is_hidden_is_unknown(shop: Shop) -> None:
    hold = held(shop)
    approvals_assess()
    hold.refresh_from_db()
    assert hold.risk_reasons == ["the first order of this customer (+15)"]
    asked = Asked(-1, "", ("", ""), hold.created_at, has_customer=False)
    past = [Past(hold.pk, ("email",), hold.created_at, 5, "", "Executed")] * 5
    assert risk_of(asked, past[:2], DEFAULT_RISK) == (0, [])


def test_what_cannot_be_read_is_assessed_all_the_same(shop: Shop) -> None:
    hold, other = held(shop), held(shop, order_id="other")
    Action.objects.filter(pk=hold.action_id).update(body={"broken": 1})
    approvals_assess()
    found = dict(Hold.objects.values_list("pk", "risk"))
    assert found[hold.pk] == 0
    assert found[other.pk] == 15


def test_reminders_go_out_once_and_an_escalation_reaches_the_other_group(shop: Shop) -> None:
    Hold.objects.all().delete()
    policy(
        reminders=[
            {"before_seconds": 40, "provider": "email-service", "format": "slack"},
            {"before_seconds": 9_000, "provider": "email-service"},
        ],
        escalation={"before_seconds": 20, "group": "boss", "provider": "email-service", "format": "teams"},
    )
    hold = held(shop)
    approvals_assess()
    hold.refresh_from_db()
    assert hold.remind_at == hold.due_at - timedelta(seconds=40)
    assert approvals_remind() == 0
    let_pass(hold, 25)
    assert approvals_remind() == 1
    assert approvals_remind() == 0
    let_pass(hold, 20)
    approvals_remind()
    hold.refresh_from_db()
    assert (hold.escalated_to, hold.remind_at) == ("boss", None)
    runs = Run.objects.filter(action_type__startswith="approval_re").exclude(action_type="approval_request")
    (reminder,) = (run.origin["payload"] for run in runs)
    (escalation,) = (run.origin["payload"] for run in Run.objects.filter(action_type="approval_escalation"))
    assert "waits for approval" in reminder["text"]
    assert reminder["blocks"][0]["type"] == "section"
    card = escalation["attachments"][0]["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["actions"][0]["url"].endswith(f"{hold.pk}/change/")
    assert "sig=" not in str(reminder) + str(escalation)
    changes = AuditRecord.objects.filter(outcome="state_changed").values_list("outcome_details", flat=True)
    assert {one["change"] for one in changes} == {"email-service reminded", "escalated to boss"}


def test_nobody_is_reminded_of_what_is_decided(shop: Shop) -> None:
    policy(reminders=[{"before_seconds": 40, "provider": "email-service"}])
    hold = held(shop)
    approvals_assess()
    approval_take(hold_id=hold.pk, verdict=Verdict(Decision.REJECT, "maria", SYSTEM_SOURCE))
    let_pass(hold, 25)
    approvals_remind()
    assert not Run.objects.filter(action_type="approval_reminder").exists()
    assert Hold.objects.get().remind_at is None


def test_a_name_becomes_no_link_in_a_chat(shop: Shop) -> None:
    policy(
        reminders=[
            {"before_seconds": 41, "provider": "email-service", "format": "slack"},
            {"before_seconds": 40, "provider": "email-service", "format": "teams"},
        ]
    )
    hold = held(shop, order_id="<http://evil.example|ok> [ok](http://evil.example)")
    assess()
    let_pass(hold, 25)
    approvals_remind()
    slack, teams = (str(run.origin["payload"]) for run in Run.objects.filter(action_type="approval_reminder"))
    if "attachments" in slack:
        slack, teams = teams, slack
    assert "<http" not in slack
    assert "&lt;http" in slack
    assert "[ok](" not in teams


def test_nobody_is_assessed_before_earlier_orders_of_the_customer_are_tied(shop: Shop) -> None:
    for number in range(3):
        shop.place(payload={"order_id": f"small-{number}", "total_cents": 1_000})
    hold = held(shop)
    assess()  # the relay has not numbered them yet
    hold.refresh_from_db()
    assert hold.risk == UNASSESSED
    relay()
    assess()
    hold.refresh_from_db()
    assert any("times what" in reason for reason in hold.risk_reasons)
    late = held(shop, order_id="late")
    Hold.objects.filter(pk=late.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    assess()  # and a relay that stands still keeps nobody for ever
    late.refresh_from_db()
    assert late.risk != UNASSESSED


def test_ties_of_older_orders_are_drawn_from_what_is_stored_in_parts_and_once(shop: Shop) -> None:
    for number in range(7):
        shop.place(payload={"order_id": f"ORD-{number}", "customer_email": f"{number % 2}@shop.example"})
    shop.place(payload={"order_id": "ORD-0"}, id="again")
    drawn()
    columns = ("key", "kind", "action_id", "outcome", "worth", "currency", "at")
    before = sorted(Tie.objects.values_list(*columns), key=str)
    Tie.objects.filter(action_id__in=list(Action.objects.order_by("pk").values_list("pk")[2:])).delete()
    Event.objects.all().delete()
    out = StringIO()
    call_command("draw_ties", "--batch=3", stdout=out)
    assert sorted(Tie.objects.values_list(*columns), key=str) == before
    first = out.getvalue().splitlines()[0]
    assert "ties drawn; --before " in first
    call_command("draw_ties", "--before", first.split()[-1], stdout=out)
    call_command("draw_ties", stdout=out)
    assert sorted(Tie.objects.values_list(*columns), key=str) == before
    assert "done: 0 ties" in out.getvalue().splitlines()[-1]
    with pytest.raises(CommandError, match="no id"):
        call_command("draw_ties", "--before=nonsense")
