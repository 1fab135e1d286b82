"""The language of conditions as a whole: what it means, found by trying, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from rules_app.checking import Question as Checked
from rules_app.checking import check_rules
from rules_app.engine import Rule, RuleSet, RuleTrace, decide
from rules_app.engine.changes import Question, takes_part, with_value
from rules_app.engine.clauses import clauses_of
from rules_app.engine.phrases import change_in_words, clause_in_short, clause_in_words
from rules_app.engine.scope import Scope
from rules_app.engine.words import Lexicon, condition_in_words
from rules_app.engine.world_changes import changes_of
from tests.rules_app.any_condition import NAMES, any_condition, any_payload, shuffled
from tests.rules_app.naive import Naive
from tests.rules_app.shop import order, rule_of

NOW = datetime(2026, 3, 11, 15, tzinfo=UTC)
NEW_YORK = ZoneInfo("US/Eastern")
seeds = st.integers(0, 2**32)
few = settings(max_examples=20, deadline=None)


def set_of(*rules: Rule) -> RuleSet:
    return RuleSet(1, rules, "US/Eastern")


def matches(condition: dict[str, Any], payload: dict[str, Any]) -> bool:
    plan = decide(set_of(rule_of(condition=condition)), order(payload), NOW)
    assert plan.failed is None
    return plan.verdict == "deny"


@few
@given(seed=seeds)
def test_the_engine_decides_as_a_plain_reading_does_in_whatever_order_clauses_stand(seed: int) -> None:
    rng = Random(seed)
    for _ in range(20):
        condition, payload = any_condition(rng), any_payload(rng)
        wanted = Naive(order(payload), NOW, NEW_YORK).holds(condition)
        assert matches(condition, payload) is wanted, (condition, payload)
        assert matches(shuffled(condition, rng), payload) is wanted
        assert matches({"not": condition}, payload) is not wanted


@few
@given(seed=seeds)
def test_every_condition_is_told_in_words_and_every_change_that_is_named_makes_the_difference(
    seed: int,
) -> None:
    rng = Random(seed)
    for _ in range(10):
        rule, action = rule_of(condition=any_condition(rng)), order(any_payload(rng))
        rules, scope = set_of(rule), Scope(action, NOW, NEW_YORK)
        seen = clauses_of(rule.condition, scope)
        assert condition_in_words(rule, Lexicon())
        for clause in seen.leaves():
            assert clause.condition.test(scope) == clause.holds
            assert clause_in_words(clause, action.payload)
            assert clause_in_short(clause, action.payload)
        if not seen.holds:
            continue
        asking = Question(rule, action, scope, seen, lambda other, at, rules=rules: decide(rules, other, at))
        for change in changes_of(asking):
            other = with_value(action, change.leaf.field.path, change.after)
            assert other is not None
            assert not takes_part(rule, decide(rules, other, NOW))
            assert change_in_words(change, action.payload, NEW_YORK)


@few
@given(seed=seeds)
def test_what_is_said_never_or_always_to_hold_does_so_and_the_trace_decides_as_the_engine(seed: int) -> None:
    rng = Random(seed)
    for _ in range(8):
        rules = set_of(
            *(rule_of(f"r{number}", condition=any_condition(rng, 2), **_rest(rng)) for number in range(3))
        )
        found = check_rules(Checked(rules.rules, NOW, "US/Eastern"))
        told = {id: {one.rule for one in found if one.id == id and one.field == "condition"} for id in _TOLD}
        for _ in range(6):
            payload, trace = any_payload(rng), list[RuleTrace]()
            action = replace(order(payload), action_type=rng.choice(NAMES))
            plan, traced = decide(rules, action, NOW), decide(rules, action, NOW, trace=trace)
            assert (plan.verdict, plan.rule, plan.gates, plan.failed) == (
                *(traced.verdict, traced.rule, traced.gates),
                None,
            )
            decisive = {one.name for one in (plan.rule, *plan.gates) if one}
            assert not decisive & told["unreachable"]
            for seen in trace:
                if seen.result in ("matched", "not_matched"):
                    held = seen.result == "matched"
                    assert not (held and seen.rule.name in told["never-holds"])
                    assert held or seen.rule.name not in told["always-holds"]


_TOLD = ("never-holds", "always-holds", "unreachable")


def _rest(rng: Random) -> dict[str, Any]:
    actions = [
        {"type": "deny"},
        {"type": "deduplicate", "ttl_seconds": 60},
        {"type": "modify", "changes": {"other": "NK"}},
    ]
    return {"action": rng.choice(actions), "priority": rng.randrange(3)}
