"""Rules in shadow, and rules for a share of orders: what they note, and that nothing else changes."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules_app.engine import ACTIONS, Cleared, Plan, Rule, RuleSet, RuleTrace, decide
from rules_app.engine.reach import in_order, stopper
from rules_app.engine.rollout import bucket
from rules_app.testing import parse_cases, run_cases
from rules_app.trial_facts import ACCEPTED, STOPS
from rules_app.trial_words import effect
from tests.rules_app.shop import (
    OFFICE_HOURS,
    PLACES_ORDER,
    guide_rules,
    order,
    problems_of,
    rule_of,
    rule_set,
)
from tests.rules_app.test_properties import payloads, some_rules


def content(plan: Plan) -> list[Any]:
    return [getattr(plan, field.name) for field in fields(plan) if field.name not in ("traces", "trials")]


def trials(plan: Plan) -> list[tuple[str, str, str]]:
    return [(trial.rule.name, trial.side, trial.would) for trial in plan.trials]


def tenth(name: str = "a-rule", **spec: Any) -> Rule:
    return rule_of(name, **{"rollout": {"percent": 10}} | spec)


@settings(max_examples=30)
@given(
    specs=some_rules,
    shadowed=st.lists(st.booleans(), min_size=8, max_size=8),
    payload=payloads,
    is_cleared=st.booleans(),
    evaluate_all=st.booleans(),
)
def test_a_set_with_rules_in_shadow_decides_as_the_set_without_them(
    specs: list[dict[str, Any]],
    shadowed: list[bool],
    payload: dict[str, Any],
    is_cleared: bool,
    evaluate_all: bool,
) -> None:
    flags = list(zip(specs, shadowed, strict=False))
    rules = [rule_of(f"r{n}", **spec, shadow=shadow) for n, (spec, shadow) in enumerate(flags)]
    live = RuleSet(1, tuple(rule for rule in rules if not rule.shadow))
    cleared = [Cleared(name, "schedule") for name in ("r0", "r1")] if is_cleared else []
    view = order(payload)
    expected = content(decide(live, view, OFFICE_HOURS, cleared=cleared))
    trace: list[RuleTrace] = []
    plain = decide(rule_set(*rules), view, OFFICE_HOURS, cleared=cleared)
    traced = decide(
        rule_set(*rules), view, OFFICE_HOURS, cleared=cleared, trace=trace, evaluate_all=evaluate_all
    )
    assert content(plain) == content(traced) == expected
    assert plain.trials == traced.trials
    assert all(trial.rule.shadow for trial in plain.trials)


@settings(max_examples=60)
@given(
    key=st.text(max_size=8),
    name=st.text(min_size=1, max_size=8),
    percents=st.tuples(*[st.floats(1, 100)] * 2),
)
def test_a_growing_percentage_keeps_whom_it_had(key: str, name: str, percents: tuple[float, float]) -> None:
    small, large = (rule_of(name="r", rollout={"percent": percent}).rollout for percent in sorted(percents))
    assert small
    assert large
    assert small.below <= large.below
    assert not bucket(name, key) < small.below or bucket(name, key) < large.below


def test_the_share_is_about_the_percentage_and_two_rules_have_shares_of_their_own() -> None:
    rules = rule_set(
        rule_of("one", rollout={"percent": 30}, action={"type": "deduplicate", "ttl_seconds": 60}),
        rule_of("two", rollout={"percent": 30}, action={"type": "deduplicate", "ttl_seconds": 60}),
    )
    found = [decide(rules, order(id=f"a-{n}"), OFFICE_HOURS).gates for n in range(4_000)]
    within = [{rule.name for rule in gates} for gates in found]
    assert abs(sum("one" in names for names in within) - 1_200) < 120
    assert abs(sum(len(names) == 2 for names in within) - 360) < 80


def test_who_is_within_is_the_same_in_every_process_and_release() -> None:
    """By the numbers themselves: a hash that changes would move every order to another side."""
    assert [bucket("fraud-check", key) >> 40 for key in ("ord-1", "ord-2", "ü")] == [
        10284072,
        6770203,
        3315243,
    ]


def test_a_rule_in_shadow_says_what_it_would_have_done_where_it_stands() -> None:
    shadows = (
        rule_of("a-deny", priority=2, shadow=True),
        rule_of("a-patch", priority=2, shadow=True, action={"type": "modify", "changes": {"total_cents": 1}}),
        rule_of("below-the-verdict", priority=90, shadow=True),
    )
    plan = decide(guide_rules(*shadows), order({"total_cents": 60_000}), OFFICE_HOURS)
    assert plan.rule is not None
    assert plan.rule.name == "approve-high-value"
    assert plan.payload == {"total_cents": 60_000}
    assert trials(plan) == [("a-deny", "shadow", "deny"), ("a-patch", "shadow", "modify")]


def test_a_change_in_shadow_that_the_lifecycle_would_refuse_is_said_to_fail_and_fails_nothing() -> None:
    def refuse(payload: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("total_cents is required")

    rule = rule_of(shadow=True, action={"type": "modify", "changes": {"total_cents": None}})
    trace: list[RuleTrace] = []
    plan = decide(rule_set(rule), order(), OFFICE_HOURS, check_payload=refuse, trace=trace)
    assert plan.failed is None
    assert trials(plan) == [("a-rule", "shadow", "failed")]
    assert (trace[0].result, trace[0].error, trace[0].would) == ("error", "total_cents is required", "failed")


@pytest.mark.parametrize("shadow", [True, False])
def test_only_what_is_within_its_share_is_asked_and_the_others_are_noted_where_it_is_live(
    shadow: bool,
) -> None:
    rules = rule_set(tenth(shadow=shadow))
    plans = [decide(rules, order(id=f"a-{n}"), OFFICE_HOURS) for n in range(60)]
    sides = {side for plan in plans for _, side, _ in trials(plan)}
    assert sides == ({"shadow"} if shadow else {"within", "outside"})
    denied = [plan for plan in plans if plan.rule]
    assert len(denied) == (0 if shadow else sum(trials(plan)[0][1] == "within" for plan in plans))


def test_what_has_no_value_to_tell_it_apart_by_is_outside_and_the_trace_says_so() -> None:
    rules = rule_set(rule_of(rollout={"percent": 100, "by": "action.payload.customer.id"}))
    trace: list[RuleTrace] = []
    plan = decide(rules, order(), OFFICE_HOURS, trace=trace)
    assert (plan.rule, trials(plan)) == (None, [("a-rule", "unkeyed", "deny")])
    assert trace[0].skip_reason == (
        "is for 100 % by action.payload.customer.id, and action.payload.customer.id is missing"
    )
    assert decide(rules, order({"customer": {"id": 7}}), OFFICE_HOURS).rule is not None


def test_an_order_keeps_its_side_under_another_id_where_its_lifecycle_names_it() -> None:
    rules = rule_set(rule_of(rollout={"percent": 50}))
    again = {
        decide(rules, replace(order(id=f"a-{n}"), order_name="ORD-7"), OFFICE_HOURS).verdict
        for n in range(20)
    }
    assert len(again) == 1


@pytest.mark.parametrize(
    ("rollout", "field", "said"),
    [
        ({"percent": 0.5}, "rollout.percent", "must be from 1 to 100"),
        ({"percent": "10"}, "rollout.percent", "must be a number, not text"),
        ({"by": "action.id"}, "rollout.percent", "is missing"),
        ({"percent": 10, "by": "time.hour"}, "rollout.by", "must not look at the clock"),
        ({"percent": 10, "by": "payload.id"}, "rollout.by", "did you mean 'action.payload.id'?"),
        ({"percent": 10, "of": "x"}, "rollout.of", "unknown key"),
        (10, "rollout", "must be an object with percent and by"),
    ],
)
def test_a_rollout_that_is_none_is_refused_by_field(rollout: Any, field: str, said: str) -> None:
    assert said in problems_of(rollout=rollout)[field]
    assert "true or false" in problems_of(shadow="yes")["shadow"]


def test_rule_tests_ask_of_rules_in_shadow_what_they_would_have_done_and_count_their_clauses() -> None:
    action = {"namespace": "n", "tenant": "t", "provider": "p", "action_type": "place_order", "payload": {}}
    tests = [
        {"name": "seen", "at": "2026-03-10T11:00:00Z", "expect": {"rule": None, "shadow": "a-rule"}},
        {"name": "not seen", "at": "2026-03-10T11:00:00Z", "expect": {"shadow": []}},
    ]
    cases, problems = parse_cases({"defaults": action, "tests": tests})
    assert problems == []
    report = run_cases(rule_set(rule_of(shadow=True)), cases)
    assert [result.failures for result in report.results] == [
        (),
        ("in shadow, a-rule would have acted, expected no rule",),
    ]
    assert report.coverage.rules["a-rule"].branches == {"condition": {True}}
    wrong = parse_cases({"defaults": action, "tests": [{**tests[0], "expect": {"shadow": 5}}]})[1]
    assert "name of a rule in shadow" in wrong[0].message


def test_what_never_gets_past_the_rules_is_said_of_those_that_are_for_all_alone() -> None:
    deny = {"name": "r", "condition": PLACES_ORDER, "action": {"type": "deny"}}
    for share, found in ({}, "r"), ({"shadow": True}, ""), ({"rollout": {"percent": 50}}, ""):
        assert stopper(in_order([{**deny, **share}]), "n", "t", "place_order") == found


def test_reports_have_a_word_for_every_action_of_rules() -> None:
    assert [name for name in ACTIONS if "otherwise" in effect(name)] == []
    assert {name for name, one in ACTIONS.items() if one.terminal} == {*ACCEPTED, *STOPS} - {"failed"}
