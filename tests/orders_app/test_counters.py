"""Counters over past orders, through dispatch and release: exact, also at once, and no statement dearer."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import F
from django.utils import timezone
from rest_framework.test import APIClient

from audit_app.models import AuditRecord
from orders_app.admin.rule_test import rule_test_of
from orders_app.models import Hold, Order
from orders_app.services.explained import sentences
from orders_app.services.explaining import explain, explainable
from orders_app.services.releases import holds_sweep
from rules_app.models import GateRow, Rule, RuleCounter
from rules_app.services.gates import tidy_gates
from rules_app.specs import counter_columns
from tests.orders_app.test_costs import statements_of
from tests.threads import at_once
from tests.world import Shop, load_shop, order, publish_rules, tag

OF_EMAIL = {
    "name": "orders-of-email",
    "count": "orders",
    "by": ["action.payload.customer_email"],
    "window": "24h",
}
CARDS = {
    "name": "cards-of-email",
    "distinct": "action.payload.card_last4",
    "by": ["action.payload.customer_email"],
    "window": "7d",
    "with_this_order": True,
}
NEW_YORK = ZoneInfo("US/Eastern")
VALUE = {
    "name": "value-today_cents",
    "sum": "action.payload.total_cents",
    "window": "today",
    "timezone": "US/Eastern",
}

SMALL = {"field": "action.payload.total_cents", "eq": 7}
WAIT = {"type": "schedule", "delay_seconds": 60}


def declare(*counters: dict[str, Any], **rules: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """These counters and rules (their conditions and actions), asked before all others."""
    Rule.objects.filter(name__in=("throttle-merchant-orders", "schedule-after-hours")).update(enabled=False)
    for spec in counters:
        RuleCounter.objects.create(**counter_columns(spec))
    for name, (condition, action) in rules.items():
        Rule.objects.create(name=name, priority=0, condition=condition, action=action)
    publish_rules()


def asks(name: str, **operator: Any) -> dict[str, Any]:
    return {"field": f"counter.{name}", **operator}


def one_each() -> None:
    declare(OF_EMAIL, one=(asks("orders-of-email", gte=1), {"type": "deny"}))


def of(email: str, **payload: Any) -> dict[str, Any]:
    return order(payload={"customer_email": email, **payload})


def tags(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [tag(item) for item in answer.json()]


def test_an_order_finds_those_that_were_accepted_before_it_also_within_its_set(shop: Shop) -> None:
    declare(OF_EMAIL, third=(asks("orders-of-email", gte=2), {"type": "deny"}))
    first = [of("a@x.com"), of("b@x.com"), of("a@x.com"), of("a@x.com"), of("b@x.com")]
    assert tags(shop.batch(first)) == ["Executed", "Executed", "Executed", "Suppressed", "Executed"]
    # What was refused has not been counted, and another tenant's orders are others.
    assert tags(shop.batch([of("a@x.com"), of("b@x.com"), {**of("a@x.com"), "tenant": "other"}])) == [
        "Suppressed",
        "Suppressed",
        "Executed",
    ]


def test_repeats_and_dry_runs_are_not_counted(shop: Shop) -> None:
    one_each()
    first = of("a@x.com")
    assert tag(shop.dispatch(of("a@x.com"), dry_run=True).json()) == "DryRun"
    assert tag(shop.dispatch(first).json()) == "Executed"
    assert shop.dispatch(of("a@x.com"), dry_run=True).json()["DryRun"]["matched_rule"] == "one"
    assert GateRow.objects.filter(key__startswith="counter:").count() == 1
    declared = Rule.objects.get(name="one")
    declared.condition = asks("orders-of-email", gte=2)
    declared.save()
    publish_rules()
    assert tag(shop.dispatch(first).json()) == "Deduplicated"
    assert tag(shop.dispatch(of("a@x.com")).json()) == "Executed"


def test_sums_are_of_the_orders_own_currency_and_distinct_values_may_count_the_order_itself(
    shop: Shop,
) -> None:
    declare(
        VALUE,
        CARDS,
        much=(asks("value-today_cents", gte=10_000), {"type": "deny"}),
        cards=(asks("cards-of-email", gt=2), {"type": "suppress"}),
    )
    dear = [of("a@x.com", total_cents=6_000), of("b@x.com", total_cents=6_000), of("c@x.com", total_cents=1)]
    assert tags(shop.batch(dear)) == ["Executed", "Executed", "Suppressed"]
    cards = [
        of("d@x.com", currency="EUR", total_cents=1, card_last4=card) for card in ("1", "2", "1", "3", "2")
    ]
    assert tags(shop.batch(cards)) == ["Executed", "Executed", "Executed", "Suppressed", "Executed"]


def test_an_order_without_the_key_has_no_counter(shop: Shop) -> None:
    declare(OF_EMAIL, all_others=(asks("orders-of-email", lt=1), {"type": "deny"}))
    action = order()
    del action["payload"]["customer_email"]
    assert tag(shop.dispatch(action).json()) == "Executed"
    found = shop.post("/v1/rules/evaluate", action).json()
    (line,) = [line for line in found["trace"] if line["rule_name"] == "all_others"]
    assert (
        "counter.orders-of-email is missing because action.payload.customer_email is missing" in line["notes"]
    )


def test_a_held_order_counts_for_others_and_on_its_release_not_for_itself(shop: Shop) -> None:
    declare(
        OF_EMAIL,
        wait=(SMALL, WAIT),
    )
    # Also a rule that is switched off lets its counter count.
    asking = {"condition": asks("orders-of-email", gte=1), "action": {"type": "deny"}}
    Rule.objects.create(name="second", priority=0, enabled=False, **asking)
    publish_rules()
    held, other = of("a@x.com", total_cents=7), of("a@x.com")
    assert tag(shop.dispatch(held).json()) == "Scheduled"
    Rule.objects.filter(name="second").update(enabled=True)
    publish_rules()
    assert tag(shop.dispatch(other).json()) == "Suppressed"
    Hold.objects.update(next_run_at=F("next_run_at") - timedelta(minutes=2))
    holds_sweep()
    assert "Executed" in str(Hold.objects.get().outcome)
    assert tag(shop.dispatch(other).json()) == "Suppressed"


def test_a_release_finds_what_came_while_it_waited(shop: Shop) -> None:
    declare(
        OF_EMAIL,
        second=(
            {"all": [asks("orders-of-email", gte=1), SMALL]},
            {"type": "deny"},
        ),
        wait=(SMALL, WAIT),
    )
    assert tags(shop.batch([of("a@x.com", total_cents=7), of("a@x.com")])) == ["Scheduled", "Executed"]
    Hold.objects.update(next_run_at=F("next_run_at") - timedelta(minutes=2))
    holds_sweep()
    assert "second" in str(Hold.objects.get().outcome)


def test_a_key_of_one_tenant_is_not_told_what_a_counter_over_several_said(shop: Shop) -> None:
    everywhere = {**OF_EMAIL, "per": "everywhere"}
    declare(everywhere, one=(asks("orders-of-email", gte=2), {"type": "deny"}))
    late = of("a@x.com")
    shop.batch([{**of("a@x.com"), "tenant": "other"}, of("a@x.com"), of("a@x.com"), late])
    path = f"/v1/rules/explain/{late['id']}"
    assert "the orders of email, 2, is at least 2" in shop.get(path).json()["explanation"]
    own = Shop(namespaces=["ecommerce"], tenants=["acme-store"]).get(path).json()
    assert own["matched_rule"] == "one"
    assert "the orders of email (not shown) is as the rule asks" in own["explanation"]
    assert not [one for one in own["changes"] if "less" in one["text"]]


def test_the_trail_keeps_what_the_counters_said_and_explains_by_it(shop: Shop) -> None:
    one_each()
    late = of("a@x.com")
    shop.batch([of("a@x.com"), late])
    record = explainable(AuditRecord.objects.all(), late["id"])[0]
    assert record.verdict_details["counters"] == {"orders-of-email": 1}
    shop.batch([of("b@x.com") for _ in range(3)])
    told = " ".join(sentences(explain(record)))
    assert "the orders of email, 1, is at least 1" in told
    Rule.objects.filter(name="one").update(
        action={"type": "request_approval", "notify_provider": "email-service"}
    )
    publish_rules()
    waits = of("b@x.com")
    assert tag(shop.dispatch(waits).json()) == "PendingApproval"
    (held,) = Order.objects.filter(action_id_text=waits["id"])
    assert "orders-of-email: 1" in rule_test_of(held)
    assert "a@x.com" not in str(list(GateRow.objects.values_list("key", "data")))


def test_a_rule_that_names_the_order_by_what_a_counter_says_finds_the_order_of_that_name(shop: Shop) -> None:
    declare(
        OF_EMAIL,
        rename=(asks("orders-of-email", gte=1), {"type": "modify", "changes": {"order_id": "the-same"}}),
    )
    assert tags(shop.batch([of("a@x.com") for _ in range(3)])) == ["Executed", "Executed", "Deduplicated"]
    assert tag(shop.dispatch(of("a@x.com")).json()) == "Deduplicated"


def test_a_change_by_a_counters_rule_that_the_lifecycle_refuses_is_the_orders_own_error(shop: Shop) -> None:
    declare(
        OF_EMAIL,
        broken=(asks("orders-of-email", gte=1), {"type": "modify", "changes": {"total_cents": "much"}}),
    )
    answers = shop.batch([of("a@x.com"), of("a@x.com"), of("b@x.com")]).json()
    assert [tag(answer) for answer in answers] == ["Executed", "error", "Executed"]


def test_a_counter_begins_at_its_publishing_and_anew_where_it_counts_otherwise(shop: Shop) -> None:
    one_each()
    assert tags(shop.batch([of("a@x.com"), of("a@x.com")])) == ["Executed", "Suppressed"]
    RuleCounter.objects.update(description="of one customer")
    publish_rules()
    assert tag(shop.dispatch(of("a@x.com")).json()) == "Suppressed"
    RuleCounter.objects.update(declaration={**RuleCounter.objects.get().declaration, "window": "48h"})
    publish_rules()
    assert tags(shop.batch([of("a@x.com"), of("a@x.com")])) == ["Executed", "Suppressed"]


def test_what_no_window_sees_any_more_is_deleted(shop: Shop) -> None:
    declare(
        OF_EMAIL,
        VALUE,
        one=(
            {"any": [asks("orders-of-email", gte=9), asks("value-today_cents", gte=9**9)]},
            {"type": "deny"},
        ),
    )
    shop.batch([of("a@x.com"), of("b@x.com")])
    counted = GateRow.objects.filter(key__startswith="counter:")
    assert counted.count() == 3
    later = timezone.now() + timedelta(hours=23)
    tidy_gates(later, 100)
    same_day = timezone.localdate(timezone=NEW_YORK) == timezone.localdate(later, NEW_YORK)
    assert counted.count() == 2 + same_day
    tidy_gates(later + timedelta(hours=3), 100)  # on the day when clocks go back, too
    assert not counted.exists()


@pytest.mark.postgres
def test_counters_cost_a_set_no_statement_more(shop: Shop) -> None:
    plain = statements_of(shop, [of(f"{number}@x.com") for number in range(40)])
    Rule.objects.filter(name="throttle-merchant-orders").update(enabled=False)
    more = {f"c{number}": (asks(f"n{number}", gte=10**3 - 1), {"type": "deny"}) for number in range(6)}
    declare(*({**OF_EMAIL, "name": f"n{number}", "window": f"{number + 1}h"} for number in range(6)), **more)
    with_counters = statements_of(shop, [of(f"{number}@x.com") for number in range(40)])
    assert len(with_counters) <= len(plain), "\n".join(sql[:160] for sql in with_counters)
    assert GateRow.objects.filter(key__startswith="counter:").count() >= 240


# ---- at once


@pytest.mark.django_db(transaction=True)
def test_of_many_orders_of_one_customer_at_once_as_many_pass_as_the_rule_lets(transactional_db: None) -> None:
    load_shop()
    shop = Shop()
    declare(OF_EMAIL, some=(asks("orders-of-email", gte=3), {"type": "deny"}))
    outcomes = at_once([partial(_dispatch, shop.secret, [of("a@x.com")]) for _ in range(14)])
    assert Counter(tag(one) for answer in outcomes for one in answer) == {"Executed": 3, "Suppressed": 11}


@pytest.mark.django_db(transaction=True)
def test_sets_that_share_customers_in_any_order_wait_for_each_other(transactional_db: None) -> None:
    load_shop()
    shop = Shop()
    one_each()
    emails = [f"{number}@x.com" for number in range(8)]
    sets = [[of(email) for email in (emails if turn % 2 else reversed(emails))] for turn in range(8)]
    outcomes = at_once([partial(_dispatch, shop.secret, actions) for actions in sets])
    assert Counter(tag(one) for answer in outcomes for one in answer) == {"Executed": 8, "Suppressed": 56}


def _dispatch(secret: str, actions: list[dict[str, Any]]) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_X_DEMO_NOW="2026-03-04T16:00:00Z")
    answer = client.post("/v1/dispatch/batch", actions, format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()
