"""`effective_from` and `effective_until`: when a rule is asked, and what is said of it outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules_app.differences import differences
from rules_app.engine import RuleTrace, decide, parse_rule
from rules_app.engine.words import Lexicon, rule_in_words
from tests.rules_app.shop import order, rule_of, rule_set

EVERYTHING = {"field": "action.namespace", "exists": True}
SALE = {"effective_from": "2026-12-24", "effective_until": "2026-12-27 18:00", "timezone": "US/Eastern"}
BEGIN, END = datetime(2026, 12, 24, 5, tzinfo=UTC), datetime(2026, 12, 27, 23, tzinfo=UTC)


def denied(at: datetime, **facts: Any) -> bool:
    rules = rule_set(rule_of(condition=EVERYTHING, action={"type": "deny"}, **facts))
    return decide(rules, order({}), at).verdict == "deny"


@settings(max_examples=40)
@given(st.datetimes(datetime(2026, 12, 20), datetime(2026, 12, 30), timezones=st.just(UTC)))
def test_a_rule_is_asked_from_its_first_instant_to_before_its_last_by_its_own_clock(at: datetime) -> None:
    assert denied(at, **SALE) is (BEGIN <= at < END)


def test_both_ends_are_exact() -> None:
    just = timedelta(microseconds=1)
    assert [denied(at, **SALE) for at in (BEGIN - just, BEGIN, END - just, END)] == [False, True, True, False]


def test_an_offset_is_an_instant_whatever_the_rules_clock() -> None:
    edge = {"effective_from": "2026-12-24T09:00:00+01:00", "timezone": "US/Eastern"}
    at = datetime(2026, 12, 24, 8, tzinfo=UTC)
    assert (denied(at - timedelta(seconds=1), **edge), denied(at, **edge)) == (False, True)


def test_the_trace_says_why_it_was_not_asked() -> None:
    seen: list[RuleTrace] = []
    rules = rule_set(rule_of(condition=EVERYTHING, action={"type": "deny"}, **SALE))
    for at in (BEGIN - timedelta(days=1), END):
        decide(rules, order({}), at, trace=seen)
    assert [(one.result, one.skip_reason) for one in seen] == [
        ("skipped", "takes effect on 2026-12-24"),
        ("skipped", "was in effect until 2026-12-27 18:00"),
    ]


def test_words_and_differences_tell_it() -> None:
    spec = {"name": "r", "priority": 1, "condition": EVERYTHING, "action": {"type": "deny"}}
    rule, _ = parse_rule({**spec, **SALE})
    assert rule is not None
    told = "in effect from 2026-12-24 until 2026-12-27 18:00 (US/Eastern)"
    assert rule_in_words(rule, Lexicon()).endswith(told)
    (found,) = differences({"r": {**spec, "timezone": "US/Eastern"}}, {"r": {**spec, **SALE}})
    assert [str(said) for said in found.words] == [
        "in effect: always → from 2026-12-24 until 2026-12-27 18:00 (US/Eastern)"
    ]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"effective_from": "24.12.2026"}, "effective_from must be '2026-12-24T09:00:00+01:00'"),
        ({"effective_from": "2026-02-30"}, "effective_from must be"),
        ({"effective_until": 2026}, "must be a time in quotes"),
        (
            {"effective_from": datetime(2026, 1, 1)},
            "is a time without quotes; quote it: '2026-01-01T00:00:00'",
        ),
        ({"effective_until": "0001-01-01"}, "must lie in the years 1970 to 9998"),
        ({"effective_from": "2026-12-24", "effective_until": "2026-12-24"}, "must come after effective_from"),
        ({"effective_form": "2026-12-24"}, "did you mean 'effective_from'"),
    ],
)
def test_what_is_no_time_is_refused(facts: dict[str, Any], message: str) -> None:
    _, problems = parse_rule({"name": "r", "condition": EVERYTHING, "action": {"type": "deny"}, **facts})
    assert message in f"{problems[0].field} {problems[0].message}"
