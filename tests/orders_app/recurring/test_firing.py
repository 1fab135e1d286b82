"""What is due is fired, once, through the rules; what was missed, overlaps or cannot be decided is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from acteon_site.base import config_versions
from audit_app.models import AuditRecord
from chains_app.models import Provider, Run
from chains_app.services.advance import runs_sweep
from orders_app.models import Action, Hold, Order, RecurringAction, RecurringFiring
from orders_app.services.recurring import sweep
from orders_app.services.recurring.sweep import recurring_sweep
from rules_app.models import Rule, RuleSetVersion
from tests.orders_app.recurring.world import Clock, made, outcomes, swept
from tests.world import SCOPE, Shop, order, publish_rules

pytestmark = pytest.mark.django_db
DIGEST = {"field": "action.action_type", "eq": "send_digest"}


def an_order(**changes: Any) -> dict[str, Any]:
    """A recurring action that places an order, which its action's id names."""
    body = order(payload=changes.pop("payload", {}))
    del body["payload"]["order_id"]
    kept = {name: body[name] for name in ("provider", "action_type", "payload")}
    return {**kept, **changes}


def test_what_is_due_is_dispatched_once_and_is_not_due_again(open_shop: Shop, clock: Clock) -> None:
    row = made(name="digest", metadata={"team": "ops"})
    assert row.next_at == row.look_at == clock.back(-1)
    assert not recurring_sweep()
    clock.forward(minutes=1)
    row = swept(swept(row))
    firing = RecurringFiring.objects.get()
    assert (firing.occurrence, firing.outcome, firing.kind) == (clock.minute, "executed", "due")
    assert (row.execution_count, row.next_at, row.last_at) == (1, clock.back(-1), clock.now)
    assert Action.objects.get().action_id == firing.action_id
    # It went the way of any action, and the trail says who sent it.
    (record,) = [one for one in open_shop.audit() if one["action_id"] == firing.action_id]
    assert record["outcome"] == "executed"
    assert (record["caller_id"], record["auth_method"]) == (f"recurring:{row.pk}", "recurring")
    assert record["metadata"]["team"] == "ops"
    assert record["metadata"]["recurring_id"] == str(row.pk)


def test_rules_gates_and_quotas_ask_of_it_what_they_ask_of_anybody(open_shop: Shop, clock: Clock) -> None:
    denied = made(**an_order(payload={"shipping_country": "KP"}))
    held = made(**an_order(payload={"total_cents": 60_000}))
    wrong = made(**an_order(payload={"total_cents": "lots"}))
    clock.forward(minutes=1)
    for row, outcome in ((denied, "suppressed"), (held, "pending_approval"), (wrong, "error")):
        swept(row)
        assert outcomes(row) == [outcome]
    assert "total_cents" in RecurringFiring.objects.get(recurring_id=wrong.pk).reason
    wrong.refresh_from_db()
    assert wrong.execution_count == 0
    assert Hold.objects.get().context["caller_id"] == f"recurring:{held.pk}"
    RecurringAction.objects.all().delete()
    quota = {**SCOPE, "provider": "email-service", "max_actions": 1, "window": "monthly"}
    assert open_shop.post("/v1/quotas", quota).status_code == 201
    publish_rules()
    mail = made(missed="all")
    clock.forward(minutes=3)
    assert outcomes(swept(mail)) == ["executed", "quota_exceeded", "quota_exceeded"]


@pytest.mark.parametrize(
    ("missed", "fired", "kinds"),
    [
        ("skip", ["skipped", "executed", "executed"], ["missed", "due", "due"]),
        ("once", ["skipped", "executed"], ["missed", "due"]),
        ("all", ["executed"] * 10, ["missed"] * 8 + ["due"] * 2),
    ],
)
def test_what_was_missed_is_made_up_for_as_the_field_says(
    open_shop: Shop, clock: Clock, missed: str, fired: list[str], kinds: list[str]
) -> None:
    row = made(missed=missed)
    clock.forward(minutes=10)
    row = swept(row)
    assert outcomes(row) == fired
    found = RecurringFiring.objects.order_by("occurrence")
    assert [one.kind for one in found] == kinds
    assert row.next_at == clock.back(-1)
    if missed != "all":
        assert (found[0].count, found[0].reason) == (
            8 + (missed == "once"),
            "the gateway could not fire in time",
        )


def test_a_daily_one_that_was_missed_is_fired_late_under_its_own_time(open_shop: Shop, clock: Clock) -> None:
    row = made(cron_expression="0 3 * * *", timezone="America/New_York")
    due = row.next_at
    clock.forward(hours=23)
    swept(row)
    firing = RecurringFiring.objects.get()
    assert (firing.occurrence, firing.fired_at, firing.kind) == (due, clock.now, "missed")


def test_a_month_of_missed_minutes_is_no_flood(open_shop: Shop, clock: Clock) -> None:
    row = made(missed="all")
    clock.forward(days=30)
    for _ in range(3):
        assert recurring_sweep() == 1
    oldest, second, third, fourth = RecurringFiring.objects.filter(recurring_id=row.pk).order_by("occurrence")
    assert [one.outcome for one in (oldest, second, third, fourth)] == ["skipped"] + ["executed"] * 3
    assert oldest.reason.endswith("earlier ones were missed, too")
    assert second.occurrence == clock.back(99)


def test_it_ends_with_its_end_and_with_its_number(open_shop: Shop, clock: Clock) -> None:
    few = made(max_executions=2, missed="all")
    over = made(end_date=clock.back(-1).isoformat())
    clock.forward(minutes=5)
    assert outcomes(swept(few)) == ["executed", "executed"]
    assert (few.status, few.next_at, few.look_at) == ("completed", None, None)
    assert (outcomes(swept(over)), over.status) == (["executed"], "completed")


def test_while_a_chain_runs_skip_passes_over_and_allow_all_does_not(open_shop: Shop, clock: Clock) -> None:
    skipping, allowing = made(**an_order(overlap_policy="skip")), made(**an_order())
    for minutes in (1, 1):
        clock.forward(minutes=minutes)
        swept(skipping)
    assert outcomes(allowing) == ["executed", "executed"]
    assert outcomes(skipping) == ["executed", "skipped"]
    assert "still under way" in RecurringFiring.objects.get(outcome="skipped").reason
    assert RecurringAction.objects.get(pk=skipping.pk).execution_count == 1
    Run.objects.update(ended_at=clock.now, status="completed", next_run_at=None)
    Order.objects.update(status="completed")
    clock.forward(minutes=1)
    assert outcomes(swept(skipping)) == ["executed", "skipped", "executed"]


def test_cancel_other_ends_what_waits_and_is_dispatched_after_it(open_shop: Shop, clock: Clock) -> None:
    row = made(**an_order(payload={"total_cents": 60_000}, overlap_policy="cancel_other"))
    clock.forward(minutes=1)
    swept(row)
    clock.forward(minutes=1)
    assert outcomes(swept(row)) == ["pending_approval"]  # asked to end, and nothing fired
    assert "is cancelled" in row.problem
    assert list(Hold.objects.values_list("status", "decided_by")) == [("cancelled", row.caller_id)]
    clock.forward(seconds=2)
    assert outcomes(swept(row)) == ["pending_approval", "pending_approval"]
    assert (row.problem, row.attempts) == ("", 0)


def test_cancel_other_asks_a_run_to_end_and_gives_up_on_one_that_does_not(
    open_shop: Shop, clock: Clock
) -> None:
    row = made(**an_order(overlap_policy="cancel_other"))
    clock.forward(minutes=1)
    swept(row)
    clock.forward(minutes=1)
    swept(row)
    RecurringAction.objects.filter(pk=row.pk).update(
        attempts=59
    )  # a minute has passed, and nobody moved the run on
    for _ in range(2):
        clock.forward(seconds=1)
        swept(row)
    run = Run.objects.get(kind="chain")
    assert (run.cancel_requested_at is None, run.cancelled_by) == (False, row.caller_id)
    assert outcomes(row) == ["executed", "skipped"]
    assert "could not be cancelled" in RecurringFiring.objects.get(outcome="skipped").reason


def test_without_rules_in_force_it_stays_due_says_why_and_fires_once_there_are_some(
    open_shop: Shop, clock: Clock
) -> None:
    rules = list(RuleSetVersion.objects.all())
    row = made()
    RuleSetVersion.objects.all().delete()
    config_versions.reset()
    clock.forward(minutes=1)
    assert not outcomes(swept(row))
    assert row.attempts == 1
    assert "no rule set" in row.problem
    RuleSetVersion.objects.bulk_create(rules)
    config_versions.reset()
    clock.forward(seconds=5)
    assert outcomes(swept(row)) == ["executed"]
    assert (row.attempts, row.problem) == (0, "")


def test_a_paused_one_does_not_fire_and_resumes_with_what_is_to_come(open_shop: Shop, clock: Clock) -> None:
    row = made()
    path = f"/v1/recurring/{row.pk}"
    assert open_shop.post(f"{path}/pause", SCOPE).json()["status"] == "paused"
    clock.forward(minutes=9)
    assert not outcomes(swept(row))
    assert open_shop.post(f"{path}/resume", SCOPE).json()["status"] == "active"
    assert not outcomes(swept(row))
    assert row.next_at == clock.back(-1)
    said = AuditRecord.objects.filter(action_id=str(row.pk)).order_by("id")
    assert [one.outcome_details["change"] for one in said] == ["created", "paused", "resumed"]


def test_a_sweep_of_many_costs_hardly_more_statements_than_one(open_shop: Shop, clock: Clock) -> None:
    def cost(count: int) -> int:
        RecurringAction.objects.all().delete()
        for _ in range(count):
            made(overlap_policy="skip")
        clock.forward(minutes=1)
        with CaptureQueriesContext(connection) as asked:
            assert recurring_sweep() == count
        return len(asked)

    cost(1)
    one, many = cost(1), cost(11)
    assert many - one <= 2


def test_one_that_fails_is_put_aside_and_the_others_of_its_set_fire(
    open_shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, well = made(name="broken"), [made() for _ in range(3)]

    def refusing(shots: Any, now: Any) -> Any:
        if any(shot.row.name == "broken" for shot in shots):
            raise RuntimeError
        return fire(shots, now)

    fire = sweep.shots_fire
    monkeypatch.setattr(sweep, "shots_fire", refusing)
    clock.forward(minutes=1)
    swept(broken)
    assert (outcomes(broken), broken.attempts) == ([], 1)
    assert "the log says why" in broken.problem
    assert [outcomes(one) for one in well] == [["executed"]] * 3
    monkeypatch.setattr(sweep, "shots_fire", fire)
    clock.forward(seconds=5)
    assert outcomes(swept(broken)) == ["executed"]
    assert broken.next_at == clock.minute + timedelta(minutes=1)


def test_what_is_due_again_while_the_first_waits_for_a_person_has_its_answer_and_is_no_error(
    open_shop: Shop, clock: Clock
) -> None:
    asking = {"type": "request_approval", "notify_provider": "email-service", "timeout_seconds": 3600}
    Rule.objects.create(name="ask", priority=0, condition=DIGEST, action=asking)
    publish_rules()
    row = made(dedup_key="digest")
    for _ in range(2):
        clock.forward(minutes=1)
        swept(row)
    assert outcomes(row) == ["pending_approval", "pending_approval"]
    assert Hold.objects.count() == 1
    row.payload = {"to": "everybody"}
    row.save(update_fields=["payload"])
    clock.forward(minutes=1)
    assert outcomes(swept(row))[-1] == "error"  # that is another one
    assert "payload.to" in RecurringFiring.objects.get(outcome="error").reason


@pytest.mark.parametrize(
    ("changes", "fired"),
    [
        ({"end_date": "2099-01-01T00:00:00Z"}, ["executed"]),
        ({"max_executions": 5}, ["executed"]),
        ({"cron_expression": "30 13 * * *"}, []),
        ({"timezone": "Asia/Kolkata"}, []),
    ],
)
def test_a_change_of_when_it_ends_passes_over_nothing_that_is_due(
    open_shop: Shop, clock: Clock, changes: dict[str, Any], fired: list[str]
) -> None:
    row = made(cron_expression="0 13 * * *")
    clock.forward(minutes=60)
    assert open_shop.put(f"/v1/recurring/{row.pk}", changes).status_code == 200
    assert outcomes(swept(row)) == fired
    assert row.next_at is not None
    assert row.next_at > clock.now


def test_a_failed_call_that_a_person_has_made_again_is_under_way_and_then_told_anew(
    open_shop: Shop, clock: Clock
) -> None:
    row = made(overlap_policy="skip")
    Provider.objects.filter(name="email-service").update(enabled=False)
    config_versions.reset()
    clock.forward(minutes=1)
    assert outcomes(swept(row)) == ["failed"]
    Provider.objects.filter(name="email-service").update(enabled=True)
    config_versions.reset()
    run = Run.objects.get()
    assert open_shop.post(f"/v1/chains/{run.pk}/retry", SCOPE).status_code == 200
    clock.forward(minutes=1)
    assert outcomes(swept(row)) == ["running", "skipped"]
    runs_sweep()
    assert outcomes(row) == ["executed", "skipped"]
    clock.forward(minutes=1)
    assert outcomes(swept(row)) == ["executed", "skipped", "executed"]
