"""What holds for every condition and every JSON, found by trying."""

from __future__ import annotations

import copy
from dataclasses import fields, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules_app.engine import Cleared, Plan, RuleSet, RuleTrace, decide, parse_rule
from rules_app.engine.merge_patch import merge_patch
from tests.depth import examples
from tests.rules_app.shop import OFFICE_HOURS, PLACES_ORDER, order, rule_of, rule_set

KEYS = ["a", "b", "items", "0", "total"]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["NK", "5", "true"]),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)
payloads = st.dictionaries(st.sampled_from(KEYS), json_values, max_size=4)

paths = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3).map(
    lambda keys: "action.payload." + ".".join(keys)
)
texts = st.text("abNKSY5.0", min_size=1, max_size=4)
numbers = st.integers(-100, 100) | st.floats(-100, 100)
operands = {
    "eq": st.one_of(texts, numbers, st.booleans()),
    "ne": st.one_of(texts, numbers, st.booleans()),
    "gt": numbers,
    "gte": numbers,
    "lt": numbers,
    "lte": numbers,
    "in_list": st.lists(texts, min_size=1, max_size=3) | st.lists(numbers, min_size=1, max_size=3),
    "not_in_list": st.lists(texts, min_size=1, max_size=3),
    "contains": st.one_of(texts, numbers),
    "not_contains": st.one_of(texts, numbers),
    "starts_with": texts,
    "ends_with": texts,
    "matches": st.sampled_from(["^a+$", "[A-Z]{2}", "(a|b)*c"]),
    "exists": st.booleans(),
    "is_null": st.booleans(),
}


@st.composite
def clauses(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(st.sampled_from(sorted(operands)))
    return {"field": draw(paths), operator: draw(operands[operator])}


conditions = st.recursive(
    clauses(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda many: {"all": many}),
        st.lists(inner, min_size=1, max_size=3).map(lambda many: {"any": many}),
        inner.map(lambda one: {"not": one}),
    ),
    max_leaves=8,
)


def reordered(condition: dict[str, Any], draw: Any) -> dict[str, Any]:
    """The same condition with the clauses of every group in another order."""
    result: dict[str, Any] = {}
    for key, value in condition.items():
        if key in ("all", "any"):
            result[key] = draw(st.permutations([reordered(one, draw) for one in value]))
        else:
            result[key] = reordered(value, draw) if key == "not" else value
    return result


def matched(condition: dict[str, Any], payload: dict[str, Any]) -> bool:
    plan = decide(rule_set(rule_of(condition=condition)), order(payload), OFFICE_HOURS)
    assert plan.failed is None
    return plan.verdict == "deny"


@settings(max_examples=examples(60))
@given(condition=conditions, payload=payloads, data=st.data())
def test_the_order_of_clauses_never_changes_the_result(
    condition: dict[str, Any], payload: dict[str, Any], data: st.DataObject
) -> None:
    assert matched(condition, payload) == matched(reordered(condition, data.draw), payload)


@settings(max_examples=examples(60))
@given(condition=conditions, payload=payloads)
def test_evaluation_never_fails_whatever_the_payload_and_agrees_with_its_trace(
    condition: dict[str, Any], payload: dict[str, Any]
) -> None:
    rules = rule_set(rule_of(condition=condition))
    plain, traced = (decide(rules, order(payload), OFFICE_HOURS, trace=trace) for trace in (None, []))
    assert plain.failed is None
    assert plain.verdict == traced.verdict


@settings(max_examples=examples(50))
@given(condition=conditions, payload=payloads)
def test_a_negation_is_always_the_opposite(condition: dict[str, Any], payload: dict[str, Any]) -> None:
    assert matched(condition, payload) != matched({"not": condition}, payload)


@settings(max_examples=examples(50))
@given(
    priorities=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    wants=st.data(),
)
def test_the_first_matching_terminal_rule_decides_whatever_order_rules_are_given_in(
    priorities: list[int], wants: st.DataObject
) -> None:
    rules = [
        rule_of(
            f"r{index}",
            priority=priority,
            condition={"field": "action.payload.n", "gte": wants.draw(st.integers(0, 3))},
        )
        for index, priority in enumerate(priorities)
    ]
    payload = {"n": wants.draw(st.integers(0, 3))}
    shuffled = wants.draw(st.permutations(rules))
    found = decide(RuleSet(1, tuple(shuffled)), order(payload), OFFICE_HOURS).rule
    matching = [rule for rule in rules if decide(rule_set(rule), order(payload), OFFICE_HOURS).rule]
    expected = min(matching, key=lambda rule: (rule.priority, rule.name)) if matching else None
    assert found is expected


anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["field", "all", "any", "not", "eq", "gte", "in_list", "matches", "type", "x"])
            | scalars,
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=examples(80))
@given(
    condition=anything,
    action=anything,
    rest=st.dictionaries(
        st.sampled_from(
            ["priority", "enabled", "timezone", "namespace", "tenant", "description", "only_unmatched", "x"]
        ),
        anything,
    ),
)
def test_parsing_answers_a_rule_or_problems_and_never_raises(
    condition: Any, action: Any, rest: dict[str, Any]
) -> None:
    rule, problems = parse_rule({"name": "r", "condition": condition, "action": action, **rest})
    assert (rule is None) == bool(problems)
    if rule:
        decide(RuleSet(1, (rule,)), order(), OFFICE_HOURS)


@settings(max_examples=examples(60))
@given(target=payloads, patch=payloads)
def test_a_merge_patch_applied_twice_changes_nothing_more_and_never_its_inputs(
    target: dict[str, Any], patch: dict[str, Any]
) -> None:
    before = copy.deepcopy((target, patch))
    once = merge_patch(target, patch)
    assert repr(merge_patch(once, patch)) == repr(once)
    assert repr((target, patch)) == repr(before)


names = st.sampled_from(["place_order", "note", "shop-1", "shop-2", "*"])
asking = st.one_of(
    st.builds(
        lambda name, value: {"field": f"action.{name}", "eq": value},
        st.sampled_from(["action_type", "tenant", "provider", "namespace", "id"]),
        names,
    ),
    st.builds(
        lambda name, operator, values: {"field": f"action.{name}", operator: values},
        st.sampled_from(["action_type", "tenant", "provider", "namespace"]),
        st.sampled_from(["in_list", "not_in_list"]),
        st.lists(names, min_size=1, max_size=3),
    ),
    clauses(),
)
about = st.recursive(
    asking,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda many: {"all": many}),
        st.lists(inner, min_size=1, max_size=3).map(lambda many: {"any": many}),
        inner.map(lambda one: {"not": one}),
    ),
    max_leaves=5,
)
what_they_do = st.sampled_from(
    [
        {"type": "deny"},
        {"type": "allow"},
        {"type": "suppress"},
        {"type": "deduplicate", "ttl_seconds": 60},
        {"type": "modify", "changes": {"a": "NK"}},
        {"type": "schedule", "delay_seconds": 60},
    ]
)
some_rules = st.lists(
    st.fixed_dictionaries(
        {
            "condition": about,
            "action": what_they_do,
            "priority": st.integers(0, 3),
            "enabled": st.booleans() | st.just(True),
            "namespace": names,
            "tenant": names,
        }
    ),
    max_size=8,
)


@settings(max_examples=examples(80))
@given(
    specs=some_rules,
    payload=payloads,
    action=st.fixed_dictionaries(dict.fromkeys(["namespace", "tenant", "provider", "action_type"], names)),
    is_cleared=st.booleans(),
)
def test_the_plan_is_the_same_whether_all_rules_are_asked_or_those_that_can_concern_the_action(
    specs: list[dict[str, Any]], payload: dict[str, Any], action: dict[str, str], is_cleared: bool
) -> None:
    rules = rule_set(*(rule_of(f"r{number}", **spec) for number, spec in enumerate(specs)))
    view = replace(order(payload), **action)
    cleared = [Cleared("r0", "schedule")] if is_cleared else []
    trace: list[RuleTrace] = []
    asked, all_asked = (
        decide(rules, view, OFFICE_HOURS, cleared=cleared, trace=kept) for kept in (None, trace)
    )
    assert _content(asked) == _content(all_asked)


def _content(plan: Plan) -> list[Any]:
    return [getattr(plan, field.name) for field in fields(plan) if field.name != "traces"]


def test_rules_about_other_actions_are_not_asked() -> None:
    others = [
        rule_of(f"other-{number}", condition={"field": "action.action_type", "eq": f"type-{number}"})
        for number in range(1000)
    ]
    own = rule_of("own", condition={"all": [{"field": "action.payload.a", "eq": 1}, PLACES_ORDER]})
    rules = rule_set(*others, own)
    assert rules.concerned.of(order({})) == (own,)
