"""Rules are checked whole: every problem is named with its field, and with what was probably meant."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from rules_app.engine import parse_rule
from tests.rules_app.shop import GUIDE, PLACES_ORDER, problems_of, rule_of


@pytest.mark.parametrize("spec", GUIDE, ids=lambda spec: spec["name"])
def test_every_rule_of_the_guide_parses(spec: dict[str, Any]) -> None:
    rule, problems = parse_rule(spec)
    assert problems == []
    assert rule is not None
    assert rule.name == spec["name"]


MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    # the rule's changed part, the field named, what the message says
    ({"prority": 5}, "prority", "did you mean 'priority'?"),
    ({"priority": "high"}, "priority", "whole number"),
    ({"priority": True}, "priority", "whole number"),
    ({"priority": 2**40}, "priority", "must be from"),
    ({"enabled": "yes"}, "enabled", "true or false"),
    ({"name": " spaced"}, "name", "white space"),
    ({"name": "x" * 201}, "name", "1 to 200"),
    ({"tenant": "a:b"}, "tenant", "colon"),
    ({"namespace": False}, "namespace", "quote it"),
    ({"timezone": "US/Easten"}, "timezone", "did you mean 'US/Eastern'?"),
    ({"timezone": "America"}, "timezone", "unknown time zone"),
    ({"timezone": "../etc/passwd"}, "timezone", "unknown time zone"),
    ({"timezone": 5}, "timezone", "name of a time zone"),
    ({"description": ["a"]}, "description", "must be text"),
    ({"condition": None}, "condition", "must be all, any or not"),
    ({"condition": []}, "condition", "must be all, any or not"),
    ({"condition": {}}, "condition.field", "is missing"),
    ({"condition": {"all": []}}, "condition.all", "at least one condition"),
    ({"condition": {"all": {"field": "action.id"}}}, "condition.all", "must be a list"),
    ({"condition": {"and": [PLACES_ORDER]}}, "condition.and", "did you mean 'all'?"),
    ({"condition": {"all": [PLACES_ORDER], "any": [PLACES_ORDER]}}, "condition.any", "nest one inside"),
    ({"condition": {"all": [PLACES_ORDER], "eq": 1}}, "condition.eq", "nest one inside"),
    ({"condition": {"field": "action.id"}}, "condition", "has no operator"),
    ({"condition": {"eq": "a"}}, "condition.field", "is missing"),
    ({"condition": {"field": "action.id", "eq": "a", "ne": "b"}}, "condition", "2 operators (eq, ne)"),
    ({"condition": {"field": "action.id", "equals": "a"}}, "condition.equals", "did you mean 'eq'?"),
    ({"condition": {"field": "action.id", "regex": "a"}}, "condition.regex", "did you mean 'matches'?"),
    ({"condition": {"field": "action.id", "operator": "eq"}}, "condition.operator", "gte: 50000"),
    ({"condition": {"field": "action.id", True: "a"}}, "condition.True", "quote it"),
    (
        {"condition": {"any": [PLACES_ORDER, {"field": "action.tennant", "eq": "a"}]}},
        "condition.any[1].field",
        "did you mean 'action.tenant'?",
    ),
    ({"condition": {"field": "payload.total", "gt": 1}}, "condition.field", "'action.payload.total'"),
    ({"condition": {"field": "action.payload", "exists": True}}, "condition.field", "whole payload"),
    ({"condition": {"field": "action.payload.a..b", "eq": 1}}, "condition.field", "empty part"),
    ({"condition": {"field": "hour", "lt": 9}}, "condition.field", "did you mean 'time.hour'?"),
    ({"condition": {"field": "time.hours", "lt": 9}}, "condition.field", "did you mean 'time.hour'?"),
    ({"condition": {"field": 5, "lt": 9}}, "condition.field", "field path"),
    ({"condition": {"field": "time.hour", "eq": 24}}, "condition.eq", "from 0 to 23"),
    ({"condition": {"field": "time.hour", "lt": "9"}}, "condition.lt", "without quotes"),
    ({"condition": {"field": "time.hour", "lt": 9.5}}, "condition.lt", "whole number"),
    ({"condition": {"field": "time.hour", "contains": "1"}}, "condition.contains", "works on text"),
    ({"condition": {"field": "time.weekday_num", "in_list": [0]}}, "condition.in_list", "from 1 to 7"),
    ({"condition": {"field": "time.weekday", "eq": "Mon"}}, "condition.eq", "did you mean 'Monday'?"),
    ({"condition": {"field": "time.weekday", "gte": "Monday"}}, "condition.gte", "use eq or in_list"),
    ({"condition": {"field": "time.date", "eq": date(2026, 12, 24)}}, "condition.eq", "'2026-12-24'"),
    ({"condition": {"field": "time.date", "gte": "24.12.2026"}}, "condition.gte", "2025-12-24"),
    ({"condition": {"field": "time.clock", "gte": 570}}, "condition.gte", "text in quotes"),
    ({"condition": {"field": "action.tenant", "gte": 5}}, "condition.gte", "use eq or in_list"),
    ({"condition": {"field": "action.tenant", "eq": 5}}, "condition.eq", "quote it: '5'"),
    ({"action": None}, "action", "must be an object"),
    ({"action": {}}, "action.type", "is missing"),
    ({"action": {"type": "block"}}, "action.type", "did you mean 'deny'?"),
    ({"action": {"type": "group"}}, "action.group_by", "is missing"),
    ({"action": {"type": "group", "group_by": "action.payload.x"}}, "action.group_by", "must be a list"),
    (
        {"action": {"type": "group", "group_by": ["payload.x"]}},
        "action.group_by",
        "did you mean 'action.payload.x'",
    ),
    ({"action": {"type": "group", "group_by": ["time.hour"]}}, "action.group_by", "no field of the action"),
    (
        {"action": {"type": "group", "group_by": [], "repeat_interval_seconds": 9}},
        "action.repeat_interval_seconds",
        "an action is sent once",
    ),
    (
        {"action": {"type": "group", "group_by": [], "max_group_size": 1001}},
        "action.max_group_size",
        "to 1000",
    ),
    ({"action": {"type": "state_machine"}}, "action.type", "not supported"),
    ({"action": {"type": 5}}, "action.type", "unknown action type"),
    ({"action": {"type": "deny", "reason": "x"}}, "action.reason", "unknown setting"),
    ({"action": {"type": "schedule"}}, "action.delay_seconds", "is missing"),
    ({"action": {"type": "schedule", "delay_seconds": 0}}, "action.delay_seconds", "must be from 1"),
    ({"action": {"type": "schedule", "delay_seconds": "30"}}, "action.delay_seconds", "not text"),
    ({"action": {"type": "schedule", "delay_second": 30}}, "action.delay_second", "'delay_seconds'"),
    ({"action": {"type": "schedule", "delay_seconds": 10**12}}, "action.delay_seconds", "must be from 1"),
    ({"action": {"type": "throttle", "max_count": True, "window_seconds": 60}}, "action.max_count", "whole"),
    ({"action": {"type": "reroute", "target_provider": "a:b"}}, "action.target_provider", "colon"),
    ({"action": {"type": "reroute", "target_provider": False}}, "action.target_provider", "quote it"),
    ({"action": {"type": "request_approval"}}, "action.notify_provider", "is missing"),
    ({"action": {"type": "modify", "changes": {}}}, "action.changes", "object of payload fields"),
    ({"action": {"type": "modify", "changes": {"country": False}}}, "action.changes", "'NO'"),
    ({"action": {"type": "modify", "changes": {"a": {1: 2}}}}, "action.changes", "not text"),
    ({"action": {"type": "modify", "changes": {"a": float("inf")}}}, "action.changes", "finite"),
    ({"action": {"type": "modify", "changes": {"a": date(2026, 1, 1)}}}, "action.changes", "quote it"),
    ({"only_unmatched": True}, "only_unmatched", "is for suppress rules"),
    ({"action": {"type": "suppress"}, "only_unmatched": 1}, "only_unmatched", "true, false"),
]


@pytest.mark.parametrize(("change", "field", "hint"), MISTAKES, ids=[f"{f}: {h}" for _, f, h in MISTAKES])
def test_a_mistake_is_named_with_its_field_and_a_hint(change: dict[str, Any], field: str, hint: str) -> None:
    problems = problems_of(**change)
    assert hint in problems[field]


def test_all_problems_of_a_rule_are_told_at_once() -> None:
    problems = problems_of(
        timezone="Mars/Base",
        priorty=1,
        condition={"any": [{"field": "action.x", "eq": 1}, {"field": "action.id", "eqq": "1"}]},
        action={"type": "throttle", "max_count": 0},
    )
    assert set(problems) == {
        "timezone",
        "priorty",
        "condition.any[0].field",
        "condition.any[1].eqq",
        "action.max_count",
        "action.window_seconds",
    }


def test_what_is_missing_is_named() -> None:
    rule, problems = parse_rule({})
    assert rule is None
    assert {problem.field for problem in problems} == {"name", "condition", "action"}


def test_a_rule_that_is_no_object_is_refused() -> None:
    assert parse_rule(["name"])[1][0].field == "rule"  # type: ignore[arg-type]


def nested(depth: int) -> dict[str, Any]:
    condition: dict[str, Any] = PLACES_ORDER
    for _ in range(depth):
        condition = {"not": condition}
    return condition


def test_conditions_may_be_nested_only_so_deep() -> None:
    assert problems_of(condition=nested(15)) == {}
    (message,) = problems_of(condition=nested(16)).values()
    assert "deeper than 16" in message


def test_a_condition_of_absurd_depth_is_refused_and_does_not_exhaust_the_stack() -> None:
    assert problems_of(condition=nested(5_000))


def test_conditions_may_hold_only_so_many_clauses() -> None:
    problems = problems_of(condition={"any": [PLACES_ORDER] * 600})
    assert "more than 500 clauses" in problems["condition.any[499]"]


def test_the_catch_all_is_recognised_by_what_its_condition_looks_at() -> None:
    suppress = {"type": "suppress"}
    by_scope = {"all": [{"field": "action.tenant", "eq": "a"}, {"field": "action.provider", "ne": "b"}]}
    assert rule_of(condition=by_scope, action=suppress).only_unmatched
    assert not rule_of(condition=PLACES_ORDER, action=suppress).only_unmatched
    assert not rule_of(condition=by_scope, action=suppress, only_unmatched=False).only_unmatched
    assert rule_of(condition=PLACES_ORDER, action=suppress, only_unmatched=True).only_unmatched
    assert not rule_of(condition=by_scope, action={"type": "deny"}).only_unmatched


def test_conditions_are_shown_as_people_read_them() -> None:
    condition = {
        "all": [
            PLACES_ORDER,
            {"any": [{"field": "time.hour", "lt": 9}, {"field": "time.hour", "gte": 17}]},
            {"not": {"field": "action.payload.country", "in_list": ["DE", "AT"]}},
            {"field": "action.payload.note", "exists": False},
        ]
    }
    assert rule_of(condition=condition).condition.text == (
        'action.action_type == "place_order" and (time.hour < 9 or time.hour >= 17) '
        'and not (action.payload.country in ["DE", "AT"]) and not action.payload.note exists'
    )
