"""A rule that compares an amount without its currency is pointed out where orders of several currencies are seen."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from audit_app.models import AuditRecord
from rules_app.engine import parse_rule
from rules_app.engine.currencies import currency_advice
from rules_app.models import Rule
from rules_app.services import currencies
from tests.people import People, page_of
from tests.rules_app.shop import PLACES_ORDER
from tests.world import Shop, publish_rules, tag

LIST = "rules_app_rule_changelist"
COVERAGE = "/v1/rules/coverage"
TOTAL = {"field": "action.payload.total_cents", "gte": 50_000}
IN_DOLLARS = {"field": "action.payload.currency", "eq": "USD"}
SEVERAL = {"field": "action.payload.currency", "in_list": ["USD", "EUR"]}
OTHERS = {"field": "action.payload.currency", "not_in_list": ["USD", "EUR"]}
NAMELESS: list[dict[str, Any]] = [
    TOTAL,
    {"all": [TOTAL, PLACES_ORDER]},
    {"any": [TOTAL, IN_DOLLARS]},
    {"not": {"all": [PLACES_ORDER, TOTAL]}},
    {"any": [{"all": [TOTAL, IN_DOLLARS]}, {"all": [PLACES_ORDER, {"any": [TOTAL, SEVERAL]}]}]},
    {"all": [TOTAL, {"field": "action.payload.currency", "exists": True}]},
    {"field": "action.payload.shipping_cents", "in_list": [500, 900]},
]
NAMED: list[dict[str, Any]] = [
    {"all": [TOTAL, IN_DOLLARS]},
    {"all": [SEVERAL, {"any": [TOTAL, {"field": "action.payload.items.0.price_cents", "gt": 9}]}]},
    {"all": [TOTAL, {"any": [IN_DOLLARS, {"field": "action.payload.currency", "eq": "EUR"}]}]},
    {"all": [TOTAL, {"not": SEVERAL}]},
    {"all": [TOTAL, OTHERS]},
]
NO_AMOUNT: list[dict[str, Any]] = [
    PLACES_ORDER,
    {"field": "action.payload.total_cents", "gt": 0},
    {"field": "action.payload.total_cents", "exists": True},
    {"field": "action.payload.qty", "gte": 5},
]


def advice(condition: dict[str, Any], *codes: str) -> str | None:
    rule, problems = parse_rule({"name": "r", "condition": condition, "action": {"type": "deny"}})
    assert rule, problems
    return currency_advice(rule, codes)


@pytest.mark.parametrize("condition", NAMELESS)
def test_an_amount_without_its_currency_is_pointed_out(condition: dict[str, Any]) -> None:
    assert "without naming a currency" in str(advice(condition, "USD", "JPY"))


@pytest.mark.parametrize("condition", NAMED + NO_AMOUNT)
def test_a_rule_that_says_which_one_it_means_or_compares_none_is_not(condition: dict[str, Any]) -> None:
    assert advice(condition, "USD", "JPY") is None


def test_one_currency_leaves_nothing_to_say() -> None:
    assert advice(TOTAL, "USD") is advice(TOTAL) is None


def test_the_advice_says_what_the_number_is_in_each() -> None:
    told = str(advice(TOTAL, "USD", "JPY", "KWD"))
    assert "its orders come in JPY, KWD, USD: 50000 is ¥50,000, 50.000 KWD, $500.00" in told
    assert "EUR, JPY and 2 more" not in told
    many = str(advice(TOTAL, "USD", "JPY", "KWD", "EUR", "GBP", "SEK"))
    assert "EUR, GBP, JPY, KWD and 2 more" in many


def warned(shop: Shop, **query: str) -> list[str]:
    return [one["rule"] for one in shop.get(COVERAGE, **query).json().get("warnings", [])]


def test_it_stands_with_the_rules_and_in_coverage_once_a_second_currency_comes(
    shop: Shop, people: People
) -> None:
    client, rule = people.client(), Rule.objects.get(name="approve-high-value")
    shop.place()
    shop.place(payload={"currency": None})
    assert warned(shop) == []
    assert "without naming a currency" not in page_of(client, LIST)
    assert "nothing to mind" in page_of(client, "rules_app_rule_change", rule.pk)
    shop.place(payload={"currency": "JPY"})
    assert warned(shop) == ["approve-high-value"]
    for page in (page_of(client, LIST), page_of(client, "rules_app_rule_change", rule.pk)):
        assert "50000 is ¥50,000, $500.00" in page


def test_rules_that_name_the_currency_hold_each_order_by_its_own_amount(shop: Shop) -> None:
    """As docs/rules.md writes it: a threshold for each, and every other currency asks a person."""
    hold = Rule.objects.get(name="approve-high-value")
    for currency, least in (("USD", 50_000), ("JPY", 75_000)):
        named = {"field": "action.payload.currency", "eq": currency}
        condition = {"all": [PLACES_ORDER, named, {"field": "action.payload.total_cents", "gte": least}]}
        Rule.objects.create(name=f"high-{currency}", priority=3, condition=condition, action=hold.action)
    others = {"field": "action.payload.currency", "not_in_list": ["USD", "JPY"]}
    Rule.objects.create(
        name="high-others", priority=4, condition={"all": [PLACES_ORDER, others]}, action=hold.action
    )
    hold.delete()
    publish_rules()
    orders = [("USD", 49_999), ("USD", 50_000), ("JPY", 60_000), ("JPY", 75_000), ("KWD", 1), (None, 1)]
    outcomes = [tag(shop.place(payload={"currency": code, "total_cents": total})) for code, total in orders]
    held = "PendingApproval"
    assert outcomes == ["Executed", held, "Executed", held, held, held]
    assert warned(shop) == []


def test_a_key_is_told_of_the_currencies_of_its_own_tenants_only(shop: Shop) -> None:
    shop.place()
    shop.place(tenant="other", payload={"currency": "JPY"})
    mine = Shop(role="viewer", tenants=["acme-store"])
    assert warned(shop) == ["approve-high-value"]
    assert warned(mine) == warned(shop, tenant="other") == []


def test_what_is_redacted_or_no_currency_is_none(shop: Shop) -> None:
    shop.place()
    for odd in ("[REDACTED]", "QQQ", "usd ", {"a": 1}, 7):
        record = AuditRecord.objects.filter(outcome="executed").latest("dispatched_at")
        record.pk = None
        record.action_payload = {"currency": odd}
        record.number = record.sequence_number = None
        record.save(force_insert=True)
    assert warned(shop) == []


def test_a_page_looks_at_no_more_than_the_newest(
    shop: Shop, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.place(payload={"currency": "JPY"})
    shop.place()
    monkeypatch.setattr(currencies, "MOST_LOOKED_AT", 1)
    assert people.client().get(reverse(f"admin:{LIST}")).context["currency_warnings"] == {}
