"""What had to differ: every change that is named was tried, and really leads elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings

from rules_app.engine import ActionView, Plan, RuleSet, decide
from rules_app.engine.changes import Change, Question, takes_part, with_value
from rules_app.engine.clauses import clauses_of
from rules_app.engine.counting import parse_counter
from rules_app.engine.named_lists import Held, Lists
from rules_app.engine.operators.registry import OPERATORS
from rules_app.engine.phrases import PHRASES, amount_apart, change_in_words, clause_in_words, would_have
from rules_app.engine.scope import MISSING, NO_COUNTS, Counts, Scope
from rules_app.engine.world_changes import changes_of
from tests.depth import examples
from tests.rules_app.shop import AT_NIGHT, OFFICE_HOURS, guide_rules, order, rule_of, rule_set
from tests.rules_app.test_properties import conditions, payloads

HIGH = order({"order_id": "o-1", "total_cents": 50_000, "currency": "USD", "shipping_country": "US"})
SANCTIONED = order({"order_id": "o-1", "total_cents": 9900, "shipping_country": "NK"})


def changes_for(rules: RuleSet, action: ActionView, now: datetime) -> list[Change]:
    """The changes for the rule that decides."""
    plan = decide(rules, action, now)
    assert plan.rule is not None
    return changes_of(question_of(rules, plan, action, now))


def question_of(rules: RuleSet, plan: Plan, action: ActionView, now: datetime) -> Question:
    rule = plan.rule
    assert rule is not None
    scope = Scope(action, now, rule.zone or rules.zone)
    return Question(
        rule, action, scope, clauses_of(rule.condition, scope), lambda other, at: decide(rules, other, at)
    )


def test_one_cent_less_would_have_gone_through() -> None:
    nearest = changes_for(guide_rules(), HIGH, OFFICE_HOURS)[0]
    assert (nearest.before, nearest.after, nearest.plan.verdict) == (50_000, 49_999, "allow")
    assert change_in_words(nearest, HIGH.payload, guide_rules().zone) == "a total of $499.99 ($0.01 less)"
    assert amount_apart(50_000, 49_999, "JPY") == "¥1 less"


def test_what_another_rule_would_have_done_is_told_and_not_that_all_would_be_well() -> None:
    nearest = changes_for(guide_rules(), HIGH, AT_NIGHT)[0]
    assert nearest.after == 49_999
    assert nearest.plan.rule is not None
    assert nearest.plan.rule.name == "schedule-after-hours"


def test_of_a_list_another_member_of_the_world() -> None:
    nearest = changes_for(guide_rules(), SANCTIONED, OFFICE_HOURS)[0]
    assert (nearest.before, nearest.after, nearest.plan.verdict) == ("NK", "US", "allow")


def test_the_clock_turns_before_and_after() -> None:
    found = changes_for(guide_rules(), order(), AT_NIGHT)
    moments = [change.moment.isoformat() for change in found if change.moment]
    # Wednesday 23:00 in New York: the shop closed at 17:00, and opens at 09:00.
    assert moments == ["2026-03-11T20:59:59+00:00", "2026-03-12T13:00:00+00:00"]
    zone = guide_rules().zone
    assert change_in_words(found[0], {}, zone) == "Wednesday, 2026-03-11 16:59:59 in US/Eastern"
    told = would_have(found[0], {}, AT_NIGHT, zone)
    assert told.startswith(
        "On Wednesday, 2026-03-11 16:59:59 in US/Eastern (6 h earlier) it would have been carried out, if"
    )


def test_where_no_single_field_makes_the_difference_none_is_named() -> None:
    either = {"any": [{"field": f"action.payload.{name}", "gte": 1} for name in ("a", "b")]}
    rules = rule_set(rule_of(condition=either))
    assert changes_for(rules, order({"a": 1, "b": 1}), OFFICE_HOURS) == []
    assert [change.after for change in changes_for(rules, order({"a": 1, "b": 0}), OFFICE_HOURS)] == [0]


@pytest.mark.parametrize(
    ("clause", "value", "after"),
    [
        ({"gt": 5}, 6, 5),
        ({"gte": 5.5}, 6, 5),
        ({"lt": 5}, 4, 5),
        ({"lte": 5}, 5, 6),
        ({"eq": 5}, 5, 4),
        ({"ne": 5}, 7, 5),
        ({"in_list": [1, 2, 3]}, 3, 4),
        ({"not_in_list": ["US"]}, "DE", "US"),
        ({"eq": True}, True, False),
        ({"contains": "ab"}, "xaby", "xy"),
        ({"not_contains": "ab"}, "x", "xab"),
        ({"contains": 1}, [1, 2], [2]),
        ({"starts_with": "ab"}, "abc", "c"),
        ({"ends_with": "bc"}, "abc", "a"),
        ({"matches": "^a+$"}, "aa", "US"),
        ({"exists": True}, 1, MISSING),
        ({"exists": False}, MISSING, None),
        ({"is_null": False}, 1, None),
    ],
)
def test_each_operator_knows_what_lies_nearest(clause: dict[str, Any], value: Any, after: Any) -> None:
    rules = rule_set(rule_of(condition={"field": "action.payload.a", **clause}))
    payload = {} if value is MISSING else {"a": value}
    found = changes_for(rules, order(payload), OFFICE_HOURS)
    assert [change.after for change in found] in ([after], [])
    assert found or clause == {"exists": False}


@settings(max_examples=examples(60))
@given(condition=conditions, payload=payloads)
def test_whatever_is_said_would_have_made_the_difference_does_make_it(
    condition: dict[str, Any], payload: dict[str, Any]
) -> None:
    rules, action = rule_set(rule_of(condition=condition)), order(payload)
    plan = decide(rules, action, OFFICE_HOURS)
    if plan.rule is None:
        return
    for change in changes_of(question_of(rules, plan, action, OFFICE_HOURS)):
        other = with_value(action, change.leaf.field.path, change.after)
        assert other is not None
        again = decide(rules, other, OFFICE_HOURS)
        assert again.verdict == change.plan.verdict == "allow"
        assert not takes_part(plan.rule, again)


@settings(max_examples=examples(60))
@given(condition=conditions, payload=payloads)
def test_clauses_agree_with_the_condition_and_their_reasons_alone_decide(
    condition: dict[str, Any], payload: dict[str, Any]
) -> None:
    rule, scope = rule_of(condition=condition), Scope(order(payload), OFFICE_HOURS, OFFICE_HOURS.tzinfo)  # type: ignore[arg-type]
    seen = clauses_of(rule.condition, scope)
    assert seen.holds == rule.condition.test(scope)
    assert all(one.condition.test(scope) == one.holds for one in seen.leaves())
    assert list(seen.reasons())


def test_every_operator_has_its_words() -> None:
    assert set(PHRASES) == {operator.name for operator in OPERATORS.values()}


def test_clauses_read_as_sentences_with_money_as_money() -> None:
    rules = guide_rules()
    plan = decide(rules, HIGH, OFFICE_HOURS)
    seen = question_of(rules, plan, HIGH, OFFICE_HOURS).clauses
    assert [clause_in_words(one, HIGH.payload) for one in seen.leaves()] == [
        "the total, $500.00, is at least $500.00",
        "the action type is place_order",
    ]
    low = clauses_of(
        seen.condition, Scope(replace(HIGH, payload={"total_cents": 1}), OFFICE_HOURS, rules.zone)
    )
    assert (
        clause_in_words(next(low.leaves()), {})
        == "the total, 1 (no currency given), is not at least 50,000 (no currency given)"
    )


def test_no_payload_makes_an_explanation_fail() -> None:
    huge = {"field": "action.payload.a", "gte": 0.5}
    found = changes_for(rule_set(rule_of(condition=huge)), order({"a": 10**400}), OFFICE_HOURS)
    assert found[0].after < 0.5


PERIOD = {"effective_from": "2026-03-11", "effective_until": "2026-03-12"}
OF_EMAIL = {"name": "orders-of-email", "count": "orders", "by": ["action.payload.email"], "window": "1d"}
OF_DAY = {"name": "value_cents", "sum": "action.payload.total_cents", "window": "today"}


def told(rules: RuleSet, now: datetime, counts: Counts = NO_COUNTS) -> list[str]:
    plan = decide(rules, HIGH, now, counts=counts)
    rule = plan.rule
    assert rule is not None
    scope = Scope(HIGH, now, rule.zone or rules.zone, rules.lists, counts)

    def in_world(values: Any, lists: Lists) -> Plan:
        return decide(rules.with_lists(lists), HIGH, now, counts=Counts(values))

    asking = Question(
        rule,
        HIGH,
        scope,
        clauses_of(rule.condition, scope),
        lambda other, at: decide(rules, other, at, counts=counts),
        in_world,
        {one.name: one for one in rules.counters},
    )
    return [would_have(change, HIGH.payload, now, scope.zone) for change in changes_of(asking)]


def test_a_counter_says_how_many_less_and_a_sum_how_much() -> None:
    number = {"field": "counter.orders-of-email", "gte": 5}
    amount = {"field": "counter.value_cents", "gte": 100_000}
    counters = tuple(one for spec in (OF_EMAIL, OF_DAY) if (one := parse_counter(spec)[0]))
    for condition, said, wanted in (
        (number, 5, "With one order less in 1 day it would have been carried out."),
        (number, 7, "With 3 orders less in 1 day it would have been carried out."),
        (amount, 100_000, "With $0.01 less of total today it would have been carried out."),
    ):
        rules = replace(rule_set(rule_of(condition=condition, action={"type": "deny"})), counters=counters)
        name = condition["field"].removeprefix("counter.")
        assert told(rules, OFFICE_HOURS, Counts({name: said}))[0] == wanted


def test_a_list_says_what_if_the_value_were_not_on_it() -> None:
    field = {"field": "action.payload.shipping_country", "in_named_list": "sanctioned"}
    lists = Lists({("sanctioned", "*", "*"): Held({"US": None})})
    denied = rule_set(rule_of(condition=field, action={"type": "deny"})).with_lists(lists)
    wanted = "If US were not on the list sanctioned, it would have been carried out."
    assert told(denied, OFFICE_HOURS)[0] == wanted
    outside = {"field": "action.payload.shipping_country", "not_in_named_list": "sanctioned"}
    nobody = rule_set(rule_of(condition=outside, action={"type": "deny"})).with_lists(
        Lists({("sanctioned", "*", "*"): Held()})
    )
    assert told(nobody, OFFICE_HOURS)[0] == wanted.replace("not on", "on")


def test_a_rule_for_a_time_says_before_and_after_it() -> None:
    found = told(rule_set(rule_of(action={"type": "deny"}, timezone="US/Eastern", **PERIOD)), OFFICE_HOURS)
    assert "On Tuesday, 2026-03-10 23:59:59 in US/Eastern" in found[0]
    assert "earlier), before the rule took effect, it would have been carried out" in found[0]
    assert "later), when the rule had ended, it would have been carried out" in found[1]
