"""What the check says, and does not say, of clauses about members of lists, other fields and dates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rules_app.checking import Question, check_rules
from rules_app.checking.ground import Seen
from tests.rules_app.shop import rule_of

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SAME = {"field": "action.payload.billing", "eq": {"field": "action.payload.shipping"}}
OTHER = {"field": "action.payload.billing", "ne": {"field": "action.payload.shipping"}}
DENY, MODIFY = {"type": "deny"}, {"type": "modify", "changes": {"shipping": "US"}}


def found(*specs: dict[str, Any], seen: Seen | None = None) -> set[tuple[str, str]]:
    rules = [rule_of(f"r{number}", priority=number, **spec) for number, spec in enumerate(specs)]
    told = check_rules(Question(rules, NOW, seen=seen or Seen()))
    return {(one.id, one.rule) for one in told if one.rule}


def test_a_comparison_and_its_opposite_never_hold_together() -> None:
    assert found({"condition": {"all": [SAME, OTHER]}, "action": DENY}) == {("never-holds", "r0")}
    late = {"field": "action.payload.at", "older_than": "1d"}
    assert found({"condition": {"all": [late, {"not": late}]}, "action": DENY}) == {("never-holds", "r0")}


def test_a_rule_below_the_same_comparison_is_reached_once_the_other_field_was_changed() -> None:
    assert ("unreachable", "r1") in found(
        {"condition": SAME, "action": DENY}, {"condition": SAME, "action": DENY}
    )
    between = {"condition": {"field": "time.hour", "lt": 9}, "action": MODIFY}
    told = found({"condition": SAME, "action": DENY}, between, {"condition": SAME, "action": DENY})
    assert ("unreachable", "r2") not in told


def test_the_same_date_is_another_in_another_zone() -> None:
    early = {"field": "action.payload.at", "before": "2026-12-24"}
    twice = [{"condition": early, "action": DENY, "timezone": zone} for zone in ("UTC", "US/Eastern")]
    assert found(*twice) == set()


def test_misspelt_fields_of_members_and_of_comparisons_are_found() -> None:
    clause = {"field": "action.payload.items[*].skuuu", "any": {"ne": {"field": "action.payload.shiping"}}}
    seen = Seen(30, frozenset(("items", "items.*.skuu", "shipping")))
    rules = [rule_of(condition=clause)]
    told = [
        one.message for one in check_rules(Question(rules, NOW, seen=seen)) if one.id == "field-never-seen"
    ]
    assert ["did you mean" in message for message in told] == [True, True]
