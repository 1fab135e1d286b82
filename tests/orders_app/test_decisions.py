"""Deciding approvals: taken and undone, by two people, never by who placed the order. Exactly one decision wins."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db.models import F
from rest_framework.test import APIClient

from acteon_site.base import config_versions
from acteon_site.base.errors import AppError
from acteon_site.base.source import Source
from audit_app.models import AuditRecord
from orders_app.models import ApprovalPolicy, Hold, Order
from orders_app.services.decisions import Verdict, approval_take, approval_undo
from orders_app.services.holds import approval_expire, hold_cancel
from orders_app.services.releases import holds_sweep
from orders_app.states import Decision
from rules_app.models import Rule
from tests.people import always_open, held
from tests.threads import at_once
from tests.world import Shop, load_shop, publish_rules

SECONDS = timedelta(seconds=5)


def verdict(decision: str = "approve", actor: str = "maria", **why: str) -> Verdict:
    return Verdict(Decision(decision), actor, Source(actor, "admin", "r-1"), **why)


def take(hold: Hold, decision: str = "approve", actor: str = "maria", **why: str) -> Hold:
    return approval_take(hold_id=hold.pk, verdict=verdict(decision, actor, **why), delay=SECONDS)


def undo(hold: Hold, actor: str = "maria") -> Hold:
    return approval_undo(hold_id=hold.pk, actor=actor, source=Source(actor, "admin", "r-2"))


def let_pass(hold: Hold, seconds: int, *columns: str) -> None:
    earlier = {name: F(name) - timedelta(seconds=seconds) for name in columns or ("due_at", "next_run_at")}
    Hold.objects.filter(pk=hold.pk).update(**earlier)


def two_people(above: int = 10_000) -> None:
    rule = Rule.objects.get(name="approve-high-value")
    rule.action = {**rule.action, "second_approver_above": above}
    rule.save()
    publish_rules()


def changes() -> list[str]:
    rows = AuditRecord.objects.filter(outcome="state_changed").order_by("id")
    return [row.outcome_details["change"] for row in rows]


def outcome_of(error: Any) -> str:
    return error.code if isinstance(error, AppError) else "done"


def tried(job: Any) -> Any:
    try:
        return job()
    except AppError as error:
        return error


def test_a_decision_that_was_taken_is_nobody_elses_and_takes_effect_by_itself(shop: Shop) -> None:
    always_open()
    hold = take(held(shop), comment="rang the customer")
    assert (hold.status, hold.taken, Order.objects.get().status) == ("pending", "approve", "held")
    for attempt in (partial(take, hold, actor="tom"), partial(take, hold, "reject")):
        with pytest.raises(AppError, match="decided already"):
            attempt()
    holds_sweep()
    assert Order.objects.get().status == "held"
    let_pass(hold, 6)
    holds_sweep()
    hold.refresh_from_db()
    assert (hold.status, hold.decided_by, Order.objects.get().status) == ("approved", "maria", "processing")
    record = AuditRecord.objects.get(outcome="approval_approved")
    assert (record.caller_id, record.auth_method, record.request_id) == ("maria", "admin", "r-1")
    assert record.outcome_details["comment"] == "rang the customer"


def test_a_rejection_frees_the_orders_name_only_once_it_has_effect(shop: Shop) -> None:
    hold = held(shop)
    same = {"order_id": "big-1", "total_cents": 75_000}
    take(hold, "reject", reason="fraud", comment="card 4111111111111111")
    again = shop.place(payload=same)
    assert again["PendingApproval"]["approval_id"] == str(hold.pk)
    let_pass(hold, 6)
    holds_sweep()
    assert Order.objects.get().status == "rejected"
    assert Order.objects.get().reason.startswith("fraud: card ")
    assert "4111" not in str(AuditRecord.objects.values_list("outcome_details"))
    assert shop.place(payload=same)["PendingApproval"]["approval_id"] != str(hold.pk)


def test_only_who_decided_undoes_it_and_only_in_time(shop: Shop) -> None:
    hold = take(held(shop))
    with pytest.raises(AppError, match="only who decided"):
        undo(hold, "tom")
    undone = undo(hold)
    assert (undone.taken, undone.next_run_at) == ("", undone.due_at)
    assert changes() == ["approve taken", "approve undone"]
    take(hold, "reject", "tom")
    let_pass(hold, 6, "next_run_at")
    with pytest.raises(AppError, match="taken effect"):
        undo(hold, "tom")


def test_an_expiry_does_not_win_against_a_decision_that_was_taken_in_time(shop: Shop) -> None:
    always_open()
    hold = take(held(shop))
    let_pass(hold, 7200)
    assert not approval_expire(hold_id=hold.pk)
    holds_sweep()
    assert Hold.objects.get().status == "approved"


def test_an_undone_decision_whose_time_is_over_meanwhile_expires(shop: Shop) -> None:
    hold = take(held(shop))
    let_pass(hold, 7200, "due_at")
    undo(hold)
    holds_sweep()
    assert Hold.objects.get().status == "expired"


def test_what_is_taken_is_neither_cancelled_nor_decided_by_a_link(shop: Shop) -> None:
    answer = shop.place(payload={"total_cents": 75_000})["PendingApproval"]
    hold = Hold.objects.get()
    take(hold)
    with pytest.raises(AppError, match="within seconds"):
        hold_cancel(hold_id=hold.pk, actor="op", source=Source("op", "admin", ""))
    parts = urlsplit(answer["reject_url"])
    assert APIClient().post(f"{parts.path}?{parts.query}").status_code == 410


def test_above_the_second_amount_two_different_people_approve(shop: Shop) -> None:
    always_open()
    two_people()
    hold = take(held(shop))
    assert (hold.status, hold.taken, hold.first_by) == ("pending", "", "maria")
    with pytest.raises(AppError, match="another person"):
        take(hold)
    let_pass(hold, 6, "next_run_at")
    approval_take(hold_id=hold.pk, verdict=verdict(actor="tom"))
    record = AuditRecord.objects.get(outcome="approval_approved")
    assert (record.caller_id, record.outcome_details["first_approved_by"]) == ("tom", "maria")
    assert changes() == ["approved by the first of two"]


def test_two_links_are_one_person(shop: Shop) -> None:
    two_people()
    answer = shop.place(payload={"total_cents": 75_000})["PendingApproval"]
    parts = urlsplit(answer["approve_url"])
    first = APIClient().post(f"{parts.path}?{parts.query}")
    assert first.json() == {"id": answer["approval_id"], "status": "pending", "outcome": None}
    second = APIClient().post(f"{parts.path}?{parts.query}")
    assert (second.status_code, second.json()["code"]) == (409, "SAME_APPROVER")


def test_one_person_is_enough_up_to_the_amount_and_for_a_rejection(shop: Shop) -> None:
    two_people(75_000)
    assert held(shop).approvers == 1
    two_people(74_999)
    hold = held(shop, order_id="other")
    assert hold.approvers == 2
    approval_take(hold_id=hold.pk, verdict=verdict("reject"))
    assert Hold.objects.get(pk=hold.pk).status == "rejected"


def test_the_first_of_two_takes_it_back(shop: Shop) -> None:
    two_people()
    hold = take(held(shop))
    undo(hold)
    assert take(hold, actor="tom").first_by == "tom"


@pytest.mark.parametrize(
    ("caller", "refused"), [("user:maria", True), ("key:phone", True), ("key:other", False)]
)
def test_nobody_approves_what_they_placed_signed_in_or_with_a_key_of_theirs(
    shop: Shop, caller: str, refused: bool
) -> None:
    ApprovalPolicy.objects.create(name="p", key_holders={"phone": ["maria"]})
    config_versions.reset()
    hold = held(shop)
    hold.context["caller_id"] = caller
    hold.save()
    if refused:
        with pytest.raises(AppError) as caught:
            take(hold)
        assert (caught.value.code, caught.value.status) == ("OWN_ORDER", 403)
        assert take(hold, actor="tom").taken
    else:
        assert take(hold).taken


def test_a_policy_names_the_reasons_of_a_rejection(shop: Shop) -> None:
    ApprovalPolicy.objects.create(name="p", namespace="ecommerce", reasons=["fraud"], reason_required=True)
    config_versions.reset()
    hold = held(shop)
    for wrong in ("", "because"):
        with pytest.raises(AppError, match="reason"):
            take(hold, "reject", reason=wrong)
    assert take(hold, "reject", reason="fraud").taken


@pytest.mark.django_db(transaction=True)
class TestRaces:
    @pytest.fixture
    def crowd(self, transactional_db: None) -> Shop:
        load_shop()
        always_open()
        return Shop()

    def test_of_two_who_decide_at_once_one_is_told_that_it_is_decided(self, crowd: Shop) -> None:
        for number in range(4):
            hold = held(crowd, order_id=f"o{number}")
            jobs = [partial(tried, partial(take, hold, actor=name)) for name in ("maria", "tom")]
            found = sorted(outcome_of(one) for one in at_once(jobs))
            assert found == ["ALREADY_DECIDED", "done"]

    def test_an_undo_and_the_sweeper_at_once_leave_one_truth(self, crowd: Shop) -> None:
        for number in range(4):
            hold = take(held(crowd, order_id=f"o{number}"))
            let_pass(hold, 5 if number % 2 else 4, "next_run_at")
            answer, _ = at_once([partial(tried, partial(undo, hold)), holds_sweep])
            # A sweep passes over a hold that an undo has locked, or that is not due yet: the next one takes it.
            holds_sweep()
            hold.refresh_from_db()
            status = Order.objects.get(pk=hold.order_id).status
            undone = outcome_of(answer) == "done"
            assert (hold.status, status) == (("pending", "held") if undone else ("approved", "processing"))

    def test_of_two_first_approvers_at_once_one_becomes_the_second(self, crowd: Shop) -> None:
        two_people()
        hold = held(crowd)
        at_once([partial(take, hold, actor=name) for name in ("maria", "tom")])
        hold.refresh_from_db()
        assert {hold.first_by, hold.taken_by} == {"maria", "tom"}

    def test_a_decision_at_the_last_moment_and_its_expiry_never_both_win(self, crowd: Shop) -> None:
        for number in range(4):
            hold = held(crowd, order_id=f"o{number}")
            let_pass(hold, 3600 if number % 2 else 60, "due_at")
            taken, expired = at_once(
                [partial(tried, partial(take, hold)), partial(approval_expire, hold_id=hold.pk)]
            )
            hold.refresh_from_db()
            done = outcome_of(taken) == "done"
            # It may also have been a sweep that expired it.
            assert (done, done and expired) == (hold.status != "expired", False)
