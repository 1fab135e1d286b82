"""Backtests over orders that were really dispatched."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from acteon_site.base import config_versions
from audit_app.models import AuditRecord, RetentionPolicy
from orders_app.models import Action, Order
from rules_app.models import Backtest, RuleDraft
from rules_app.services.backtest_run import backtest_run
from rules_app.services.backtests import (
    Asked,
    backtest_claim,
    backtest_finish,
    backtest_next,
    backtest_progress,
    backtest_remove,
    backtest_request,
    reap_backtest_orders,
    tidy_backtests,
)
from rules_app.tasks import backtest as backtest_task
from tests.orders_app.test_counters import OF_EMAIL, asks, declare
from tests.orders_app.test_holds import path_of
from tests.people import always_open
from tests.rules_app.drafting import add, begun, edit, remove
from tests.world import CLOSED_HOURS, OPEN_HOURS, SCOPE, Shop, order, tag


def tried(draft: RuleDraft | None = None, **more: Any) -> Backtest:
    now = timezone.now()
    begins, ends = more.pop("begins", now - timedelta(days=1)), more.pop("ends", now + timedelta(minutes=1))
    asked = Asked(begins, ends, draft=draft.pk if draft else None, **more)
    row = backtest_request(asked=asked, actor="ann", ring=False)
    backtest_run(row.pk)
    row.refresh_from_db()
    assert row.state == Backtest.State.DONE, row.problem
    return row


def told(row: Backtest) -> dict[str, Any]:
    assert row.summary is not None
    summary: dict[str, Any] = row.summary
    return summary


def pairs(row: Backtest) -> dict[tuple[str, str], int]:
    return {(one["from"], one["to"]): one["count"] for one in told(row)["outcomes"]}


def without_change(row: Backtest) -> bool:
    summary = told(row)
    return bool(summary["same"] == summary["dispatches"]["count"])


actions = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["a", "b", "c"]),
        "dedup_key": st.sampled_from(["k", "l"]),
        "action_type": st.sampled_from(["place_order", "send_mail", "cancel"]),
        "provider": st.sampled_from(["payment-gateway", "email-service", "nobody"]),
        "payload": st.fixed_dictionaries(
            {},
            optional={
                "order_id": st.sampled_from(["o-1", "o-2", "o-3"]),
                "total_cents": st.sampled_from([100, 50_000, 75_000]),
                "shipping_country": st.sampled_from(["US", "KP"]),
            },
        ),
    },
)


@tries(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(actions, min_size=1, max_size=14), st.sampled_from([OPEN_HOURS, CLOSED_HOURS]))
def test_a_backtest_of_the_live_set_over_its_own_orders_changes_nothing(
    shop: Shop, sent: list[dict[str, Any]], hour: str
) -> None:
    """Whatever was sent by now: each example adds to the trail of those before."""
    shop.batch([order(**action) for action in sent], now=hour)
    shop.dispatch(order(**sent[0]), now=hour)
    row = tried()
    assert without_change(row), told(row)
    assert not row.orders.exists()


def test_a_draft_tells_what_would_change_by_outcome_rule_and_shop_with_the_value_of_each_currency(
    shop: Shop,
) -> None:
    for cents, currency in ((30_000, "USD"), (40_000, "EUR"), (100, "EUR"), (60_000, "USD")):
        shop.place(payload={"total_cents": cents, "currency": currency})
    cap = {"field": "action.payload.total_cents", "gte": 30_000}
    draft = edit(begun(), "approve-high-value", condition=cap)
    row = tried(draft)
    assert told(row)["outcomes"] == [
        {
            "from": "executed",
            "to": "pending_approval",
            "count": 2,
            "values": {"EUR": 40_000, "USD": 30_000},
        }
    ]
    (shown,) = told(row)["shops"]
    assert (shown["tenant"], shown["dispatches"], shown["changed"]["count"]) == ("acme-store", 4, 2)
    rules = {one["rule"]: (one["was"]["count"], one["would"]["count"]) for one in told(row)["rules"]}
    assert rules == {"": (3, 1), "approve-high-value": (1, 3)}
    listed = row.orders.first()
    assert listed is not None
    assert listed.order_id == Order.objects.get(action__action_id=listed.action_id).pk
    assert AuditRecord.objects.get(pk=listed.record_id).action_id == listed.action_id
    assert (listed.amount, listed.currency, listed.to_rule) == (30_000, "USD", "approve-high-value")


def test_it_decides_by_the_clock_of_then(shop: Shop) -> None:
    shop.place(CLOSED_HOURS)
    shop.place(OPEN_HOURS)
    assert pairs(tried(remove(begun(), "schedule-after-hours"))) == {("scheduled", "executed"): 1}


def test_gates_are_replayed_in_their_order(shop: Shop) -> None:
    """The throttle lets ten pass a minute; with four, the fifth is the first that is held back."""
    outcomes = [tag(shop.place()) for _ in range(12)]
    assert outcomes.count("Throttled") == 2
    narrow = {"type": "throttle", "max_count": 4, "window_seconds": 60}
    row = tried(edit(begun(), "throttle-merchant-orders", action=narrow))
    assert pairs(row) == {("executed", "throttled"): 6}
    wide = {"type": "throttle", "max_count": 11, "window_seconds": 60}
    assert pairs(tried(edit(begun(), "throttle-merchant-orders", action=wide))) == {
        ("throttled", "executed"): 1
    }


def test_what_a_denied_order_had_kept_out_comes_in(shop: Shop) -> None:
    """The order that a draft denies does not live, so the one after it, which was a repeat, is none."""
    first = order(id="one", dedup_key="x", payload={"order_id": "same", "total_cents": 200})
    again = order(id="two", dedup_key="y", payload={"order_id": "same", "total_cents": 300})
    assert [tag(shop.dispatch(action).json()) for action in (first, again)] == ["Executed", "Deduplicated"]
    rule = {
        "name": "deny-200",
        "priority": 2,
        "condition": {"field": "action.payload.total_cents", "eq": 200},
        "action": {"type": "deny"},
    }
    row = tried(add(begun(), rule))
    assert pairs(row) == {("executed", "suppressed"): 1, ("deduplicated", "executed"): 1}
    assert told(row)["answers_unknown"] == 1


def test_what_rests_on_an_answer_that_nobody_knows_is_said_to_be_unknown(shop: Shop) -> None:
    """Both were denied. Whether the first one's order would live when the second comes, its provider would decide."""
    for number in ("one", "two"):
        refused = {"order_id": "same", "shipping_country": "KP"}
        assert tag(shop.place(id=number, dedup_key=number, payload=refused)) == "Suppressed"
    row = tried(remove(begun(), "deny-sanctioned-regions"))
    assert pairs(row) == {("suppressed", "executed"): 1}
    assert told(row)["unknown"] == {"count": 1, "by": {"rests_on_an_earlier_one": 1}}
    assert [one.how for one in row.orders.all()] == ["changed", "unknown"]


def test_an_original_that_is_gone_is_counted_apart_and_not_guessed(shop: Shop) -> None:
    shop.place(id="gone", payload={"shipping_country": "KP"})
    shop.place(id="kept", payload={"shipping_country": "KP"})
    Action.objects.filter(action_id="gone").delete()
    row = tried(remove(begun(), "deny-sanctioned-regions"))
    assert pairs(row) == {("suppressed", "executed"): 1}
    assert told(row)["unknown"] == {"count": 1, "by": {"original_gone": 1}}


def test_the_same_outcome_by_another_rule_or_with_another_payload_is_no_change_and_is_told(
    shop: Shop,
) -> None:
    shop.place()
    stamp = {
        "name": "stamp",
        "priority": 5,
        "condition": {"field": "action.action_type", "eq": "place_order"},
        "action": {"type": "modify", "changes": {"note": "stamped"}},
    }
    allow = {**stamp, "name": "let-pass", "priority": 50, "action": {"type": "allow"}}
    summary = told(tried(add(add(begun(), stamp), allow)))
    assert (summary["changed"], summary["otherwise"]) == (0, {"count": 1, "by": {"payload": 1, "rule": 1}})


def test_only_the_asked_time_and_shop_are_counted(shop: Shop) -> None:
    shop.place()
    shop.place(tenant="other-store")
    now = timezone.now()
    assert told(tried(tenant="other-store"))["dispatches"]["count"] == 1
    assert told(tried(begins=now, ends=now + timedelta(hours=1)))["dispatches"]["count"] == 0


def test_it_keeps_the_rules_as_they_were_when_it_was_asked_for(shop: Shop) -> None:
    shop.place(payload={"shipping_country": "KP"})
    draft = remove(begun(), "deny-sanctioned-regions")
    now = timezone.now()
    asked = Asked(now - timedelta(days=1), now + timedelta(minutes=1), draft=draft.pk)
    row = backtest_request(asked=asked, actor="ann", ring=False)
    add(
        draft,
        {
            "name": "deny-all",
            "condition": {"field": "action.namespace", "exists": True},
            "action": {"type": "deny"},
        },
    )
    backtest_run(row.pk)
    row.refresh_from_db()
    assert pairs(row) == {("suppressed", "executed"): 1}


def test_it_changes_nothing_but_its_own_rows(shop: Shop) -> None:
    shop.place()
    before = [model.objects.count() for model in (Action, Order, AuditRecord)]
    tried(remove(begun(), "throttle-merchant-orders"))
    assert [model.objects.count() for model in (Action, Order, AuditRecord)] == before


def test_releases_of_holds_are_counted_and_left_aside(shop: Shop) -> None:
    always_open()
    answer = shop.place(payload={"total_cents": 75_000})
    assert shop.client.post(path_of(answer["PendingApproval"]["approve_url"])).status_code == 200
    row = tried(remove(begun(), "approve-high-value"))
    assert pairs(row) == {("pending_approval", "executed"): 1}
    assert told(row)["releases"] == 1


def test_a_computation_that_died_is_taken_over_and_one_that_was_removed_ends(shop: Shop) -> None:
    shop.place()
    now = timezone.now()
    row = backtest_request(asked=Asked(now - timedelta(days=1), now), actor="ann", ring=False)
    assert backtest_claim(row.pk) is not None
    assert not backtest_run(row.pk)  # somebody has it
    assert backtest_next() is None
    Backtest.objects.update(leased_until=now - timedelta(seconds=1))
    assert backtest_next() == row.pk
    taken = backtest_claim(row.pk)
    assert taken is not None
    backtest_remove(pk=row.pk)
    assert not backtest_progress(taken, done=1, total=2)
    assert not backtest_finish(taken, summary={}, orders=[], total=2)
    assert not Backtest.objects.exists()


def test_old_ones_and_what_retention_no_longer_keeps_are_forgotten(shop: Shop) -> None:
    shop.place(payload={"shipping_country": "KP"})
    row, old = tried(remove(begun(), "deny-sanctioned-regions")), tried()
    now = timezone.now()
    Backtest.objects.filter(pk=old.pk).update(requested_at=now - timedelta(days=91))
    assert tidy_backtests(now, 100) == 1
    assert list(Backtest.objects.all()) == [row]
    policy = RetentionPolicy(namespace="ecommerce", tenant="acme-store", audit_ttl_seconds=60)
    assert reap_backtest_orders(policy, now, 100) == 0
    assert reap_backtest_orders(policy, now + timedelta(minutes=2), 100) == 1
    assert told(row)["changed"] == 1


def test_what_waits_is_computed_by_one_process_of_its_own_one_after_the_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_processes: list[list[str]] = []

    class Child:
        def __init__(self, words: list[str], **_: Any) -> None:
            begun_processes.append(words)

        def wait(self) -> int:
            return 0

    monkeypatch.setattr("rules_app.services.backtest_process.subprocess.Popen", Child)
    monkeypatch.setattr("rules_app.services.backtest_process.os.nice", lambda _: 0)
    backtest_task()
    assert begun_processes == []
    now = timezone.now()
    for _ in range(2):
        backtest_request(asked=Asked(now - timedelta(days=1), now), actor="ann", ring=False)
    backtest_task()
    assert begun_processes[0][1:] == [str(settings.BASE_DIR / "manage.py"), "backtest_rules", "--waiting"]
    call_command("backtest_rules", waiting=True)
    assert {row.state for row in Backtest.objects.all()} == {"done"}


def test_pages_of_any_size_find_each_dispatch_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a batch have one and the same time."""
    shop.batch([order(payload={"total_cents": 30_000}) for _ in range(7)])
    draft = edit(
        begun(), "approve-high-value", condition={"field": "action.payload.total_cents", "gte": 30_000}
    )
    whole = tried(draft)
    for size in (1, 2, 3, 7):
        monkeypatch.setattr("orders_app.services.past_dispatches.PAGE_ROWS", size)
        row = tried(draft)
        assert told(row) == told(whole)
        assert row.done == row.total >= 7
    assert told(whole)["dispatches"]["count"] == told(whole)["changed"] == 7


def test_an_id_that_was_sent_again_is_decided_from_the_original_of_each_time(shop: Shop) -> None:
    for cents in (100, 30_000):
        shop.place(id="same", dedup_key="same", payload={"order_id": "same", "total_cents": cents})
    deny = {
        "name": "deny-large",
        "priority": 2,
        "condition": {"field": "action.payload.total_cents", "gte": 30_000},
        "action": {"type": "deny"},
    }
    assert pairs(tried(add(begun(), deny))) == {("deduplicated", "suppressed"): 1}


def test_what_no_rule_has_refused_is_left_as_it_was(shop: Shop) -> None:
    """A provider that is not there refuses a hold, too; and so does a quota."""
    shop.place(provider="nobody")
    shop.post("/v1/quotas", {**SCOPE, "max_actions": 1, "window": "daily", "overage_behavior": "block"})
    config_versions.reset()
    assert [tag(shop.place()) for _ in range(2)] == ["Executed", "QuotaExceeded"]
    everything = {"field": "action.payload.total_cents", "gte": 1}
    assert pairs(tried(edit(begun(), "approve-high-value", condition=everything))) == {
        ("executed", "pending_approval"): 1
    }


def test_counters_say_what_they_said_then_and_one_that_nobody_asked_is_not_guessed(shop: Shop) -> None:
    by_country = {**OF_EMAIL, "name": "orders-of-country", "by": ["action.payload.shipping_country"]}
    declare(OF_EMAIL, by_country, second=(asks("orders-of-email", eq=1), {"type": "deny"}))
    shop.place()
    shop.place()
    assert without_change(tried())
    row = tried(edit(begun(), "second", condition=asks("orders-of-email", eq=2)))
    assert pairs(row) == {("suppressed", "executed"): 1}
    row = tried(edit(begun(), "second", condition=asks("orders-of-country", eq=1)))
    assert told(row)["unknown"] == {"count": 2, "by": {"counter_not_recorded": 2}}
