"""The decision: which rule ends the search, which gates join, what a modify changes, what a hold leaves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from acteon_site.base.errors import invalid
from rules_app.engine import Cleared, RuleTrace, decide
from tests.rules_app.shop import (
    AT_NIGHT,
    GUIDE,
    OFFICE_HOURS,
    PLACES_ORDER,
    guide_rules,
    order,
    rule_of,
    rule_set,
)

EVERYTHING = {"field": "action.tenant", "exists": True}
CATCH_ALL = GUIDE[-1]
APPROVED = Cleared("approve-high-value", "request_approval")
RELEASED = Cleared("schedule-after-hours", "schedule")


def names(rules: Any) -> list[str]:
    return [rule.name for rule in rules]


def test_a_standard_order_passes_both_gates_and_is_allowed() -> None:
    plan = decide(guide_rules(), order(), OFFICE_HOURS)
    assert (plan.verdict, plan.rule) == ("allow", None)
    assert names(plan.gates) == ["dedup-double-submit", "throttle-merchant-orders"]
    assert plan.claimed


@pytest.mark.parametrize("country", ["NK", "SY", "IR"])
def test_a_sanctioned_country_is_denied_before_anything_else(country: str) -> None:
    payload = {"shipping_country": country, "total_cents": 90_000}
    plan = decide(guide_rules(), order(payload), AT_NIGHT)
    assert plan.verdict == "deny"
    assert plan.rule is not None
    assert plan.rule.name == "deny-sanctioned-regions"
    assert plan.gates == ()


def test_exactly_five_hundred_dollars_asks_for_approval() -> None:
    verdicts = [
        decide(guide_rules(), order({"total_cents": cents}), OFFICE_HOURS).verdict
        for cents in (49_999, 50_000)
    ]
    assert verdicts == ["allow", "request_approval"]


def test_an_order_at_night_is_scheduled() -> None:
    assert decide(guide_rules(), order(), AT_NIGHT).verdict == "schedule"


def test_what_no_rule_knows_is_suppressed_by_the_catch_all() -> None:
    plan = decide(guide_rules(), order(action_type="send_gift"), OFFICE_HOURS)
    assert (plan.verdict, plan.rule and plan.rule.name) == ("suppress", "deny-unmatched")


def test_an_action_of_another_tenant_meets_no_catch_all_of_this_one() -> None:
    assert decide(guide_rules(), order(tenant="other", action_type="x"), OFFICE_HOURS).verdict == "allow"


def test_the_first_terminal_rule_by_priority_then_name_decides() -> None:
    rules = rule_set(
        rule_of("z", priority=1, action={"type": "allow"}),
        rule_of("a", priority=2),
        rule_of("b", priority=1, action={"type": "reroute", "target_provider": "other"}),
    )
    plan = decide(rules, order(), OFFICE_HOURS)
    assert plan.rule is not None
    assert plan.rule.name == "b"


def test_a_gate_below_the_terminal_rule_does_not_join() -> None:
    gate = rule_of("gate", priority=9, action={"type": "deduplicate", "ttl_seconds": 1})
    assert decide(rule_set(rule_of(priority=1), gate), order(), OFFICE_HOURS).gates == ()


def test_a_gate_that_does_not_name_the_action_type_claims_nothing() -> None:
    gate = rule_of("gate", priority=1, condition=EVERYTHING, action={"type": "deduplicate", "ttl_seconds": 1})
    plan = decide(rule_set(gate, CATCH_ALL), order(), OFFICE_HOURS)
    assert plan.verdict == "suppress"
    assert names(plan.gates) == ["gate"]


def test_a_gate_claims_only_below_itself() -> None:
    early = CATCH_ALL | {"priority": 1}
    assert decide(rule_set(early, GUIDE[3]), order(), OFFICE_HOURS).verdict == "suppress"


def test_a_suppress_that_looks_at_the_action_is_a_verdict_wherever_it_stands() -> None:
    late = rule_of("late", priority=99, action={"type": "suppress"})
    plan = decide(guide_rules(late), order(), OFFICE_HOURS)
    assert plan.rule is not None
    assert plan.rule.name == "late"


def test_a_disabled_rule_is_not_asked() -> None:
    assert decide(rule_set(rule_of(enabled=False)), order(), OFFICE_HOURS).verdict == "allow"


@pytest.mark.parametrize(
    ("scope", "verdict"),
    [
        ({"namespace": "ecommerce"}, "deny"),
        ({"namespace": "other"}, "allow"),
        ({"tenant": "acme-store"}, "deny"),
        ({"tenant": "other"}, "allow"),
        ({"namespace": "ecommerce", "tenant": "other"}, "allow"),
    ],
)
def test_a_rule_speaks_only_about_its_namespace_and_tenant(scope: dict[str, str], verdict: str) -> None:
    assert decide(rule_set(rule_of(**scope)), order(), OFFICE_HOURS).verdict == verdict


def modify(name: str, changes: dict[str, Any], **spec: Any) -> Any:
    return rule_of(name, action={"type": "modify", "changes": changes}, **spec)


def test_a_modify_is_seen_by_later_rules_and_by_nobody_earlier() -> None:
    early = rule_of("early", priority=1, condition={"field": "action.payload.vip", "eq": True})
    late = rule_of(
        "late",
        priority=3,
        condition={"field": "action.payload.vip", "eq": True},
        action={"type": "reroute", "target_provider": "vip-desk"},
    )
    plan = decide(rule_set(early, modify("mark", {"vip": True}, priority=2), late), order({}), OFFICE_HOURS)
    assert plan.rule is not None
    assert plan.rule.name == "late"
    assert (plan.payload, plan.modified_by) == ({"vip": True}, ("mark",))


def test_a_modify_is_a_merge_patch_and_leaves_the_submitted_payload_alone() -> None:
    submitted = {"a": {"b": 1, "c": 2}, "list": [1, 2], "gone": 1}
    changes = {"a": {"b": None, "d": 3}, "list": [9], "gone": None}
    plan = decide(rule_set(modify("m", changes)), order(submitted), OFFICE_HOURS)
    assert plan.payload == {"a": {"c": 2, "d": 3}, "list": [9]}
    assert submitted == {"a": {"b": 1, "c": 2}, "list": [1, 2], "gone": 1}
    plan.payload["list"].append(1)
    assert changes["list"] == [9]


def test_a_modify_claims_nothing() -> None:
    plan = decide(rule_set(modify("m", {"x": 1}, priority=1), CATCH_ALL), order(), OFFICE_HOURS)
    assert plan.verdict == "suppress"


def test_the_payload_is_checked_and_normalised_after_every_modify() -> None:
    def upper(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"shipping_country": payload["shipping_country"].upper()}

    rules = guide_rules(modify("route-by-sea", {"shipping_country": "nk"}, priority=0))
    plan = decide(rules, order(), OFFICE_HOURS, check_payload=upper)
    assert plan.verdict == "deny"


def test_a_modify_that_breaks_the_payload_fails_the_plan_and_names_the_rule() -> None:
    def refuse(payload: dict[str, Any]) -> dict[str, Any]:
        raise invalid("total_cents must be an integer")

    rules = guide_rules(modify("break", {"total_cents": "x"}, priority=0))
    plan = decide(rules, order(), OFFICE_HOURS, check_payload=refuse)
    assert plan.verdict == "failed"
    assert plan.failed is not None
    assert (plan.failed.rule, plan.failed.message) == ("break", "total_cents must be an integer")
    assert plan.failed.error is not None
    assert plan.failed.error.status == 422
    assert plan.gates == ()


def test_a_rule_that_cannot_be_evaluated_fails_the_plan_and_asks_nobody_further() -> None:
    class Unreadable(dict[str, Any]):
        def get(self, *_: Any) -> Any:
            raise OSError("broken")

    plan = decide(guide_rules(), order(Unreadable()), OFFICE_HOURS)
    assert (plan.verdict, plan.rule) == ("failed", None)
    assert plan.failed is not None
    assert (plan.failed.rule, plan.failed.message, plan.failed.error) == (
        "deny-sanctioned-regions",
        "broken",
        None,
    )


def test_a_cleared_hold_is_left_out_and_the_rules_below_it_are_asked() -> None:
    plan = decide(guide_rules(), order({"total_cents": 90_000}), AT_NIGHT, cleared=[APPROVED])
    assert plan.verdict == "schedule"
    plan = decide(guide_rules(), order({"total_cents": 90_000}), AT_NIGHT, cleared=[APPROVED, RELEASED])
    assert plan.verdict == "allow"
    assert names(plan.gates) == ["dedup-double-submit", "throttle-merchant-orders"]


def test_a_country_sanctioned_meanwhile_still_stops_a_cleared_order() -> None:
    payload = {"total_cents": 90_000, "shipping_country": "NK"}
    assert decide(guide_rules(), order(payload), OFFICE_HOURS, cleared=[APPROVED]).verdict == "deny"


def test_a_hold_that_became_a_denial_under_its_old_name_denies() -> None:
    denial = rule_of("approve-high-value", priority=3)
    assert decide(rule_set(denial), order(), OFFICE_HOURS, cleared=[APPROVED]).verdict == "deny"


def test_a_cleared_hold_counts_as_a_claim_even_where_it_would_not_match_any_more() -> None:
    rules = rule_set(GUIDE[2], CATCH_ALL)
    assert decide(rules, order(), OFFICE_HOURS).verdict == "suppress"
    assert decide(rules, order(), OFFICE_HOURS, cleared=[RELEASED]).verdict == "allow"


def test_a_cleared_hold_whose_rule_is_gone_keeps_its_claim() -> None:
    assert decide(rule_set(CATCH_ALL), order(), OFFICE_HOURS, cleared=[APPROVED]).verdict == "allow"


def test_a_catch_all_above_the_cleared_hold_still_closes_the_door() -> None:
    closed = CATCH_ALL | {"priority": 0}
    assert decide(rule_set(closed, GUIDE[1]), order(), OFFICE_HOURS, cleared=[APPROVED]).verdict == "suppress"


def traced(rules: Any, action: Any, **options: Any) -> list[RuleTrace]:
    trace: list[RuleTrace] = []
    plan = decide(rules, action, OFFICE_HOURS, trace=trace, **options)
    assert plan.traces == tuple(trace)
    return trace


def test_the_trace_says_what_was_missing_and_what_had_the_wrong_type() -> None:
    trace = traced(guide_rules(), order({"total_cents": "60000"}))
    notes = {seen.rule.name: seen.notes for seen in trace}
    assert notes["deny-sanctioned-regions"] == (
        "action.payload.shipping_country is missing, so in_list is false",
    )
    assert notes["approve-high-value"] == (
        "action.payload.total_cents is text, not a number, so gte is false",
    )


def test_the_trace_gives_one_entry_per_rule_with_its_reason() -> None:
    rules = guide_rules(rule_of("off", priority=0, enabled=False), rule_of("far", priority=0, tenant="else"))
    seen = {entry.rule.name: (entry.result, entry.skip_reason) for entry in traced(rules, order())}
    assert seen == {
        "far": ("skipped", "is for another namespace or tenant"),
        "off": ("skipped", "disabled"),
        "deny-sanctioned-regions": ("not_matched", None),
        "approve-high-value": ("not_matched", None),
        "schedule-after-hours": ("not_matched", None),
        "dedup-double-submit": ("matched", None),
        "throttle-merchant-orders": ("matched", None),
        "deny-unmatched": ("skipped", "applies only to what no rule above has claimed"),
    }


def test_evaluate_all_also_tests_what_stands_below_the_verdict_and_changes_nothing() -> None:
    rules = rule_set(rule_of("first", priority=1), modify("patch", {"x": 1}, priority=2), CATCH_ALL)
    results = [entry.result for entry in traced(rules, order(), evaluate_all=True)]
    assert results == ["matched", "matched", "matched"]
    plan = decide(rules, order({}), OFFICE_HOURS, trace=[], evaluate_all=True)
    assert (plan.verdict, plan.payload) == ("deny", {})


def test_a_traced_decision_is_the_same_decision() -> None:
    for action in (order(), order({"total_cents": 99_999}), order(action_type="x")):
        plain, seen = (decide(guide_rules(), action, OFFICE_HOURS, trace=trace) for trace in (None, []))
        assert (plain.verdict, names(plain.gates), plain.payload) == (
            seen.verdict,
            names(seen.gates),
            seen.payload,
        )


def test_an_instant_without_a_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="aware"):
        decide(guide_rules(), order(), datetime(2026, 1, 1))


METADATA_CLAUSES = [
    ("action.metadata.channel", {"channel": "web"}, True),
    ("action.metadata.app.example.org/team", {"app.example.org/team": "web"}, True),
    ("action.metadata.a.b", {"a": {"b": "web"}}, True),
    ("action.metadata.channel", {}, False),
]


@pytest.mark.parametrize(("path", "metadata", "matches"), METADATA_CLAUSES)
def test_metadata_is_read_by_its_key(path: str, metadata: dict[str, Any], matches: bool) -> None:
    rules = rule_set(rule_of(condition={"field": path, "eq": "web"}))
    assert (decide(rules, order(metadata=metadata), OFFICE_HOURS).verdict == "deny") is matches


PATHS = [
    ("action.payload.items.0.sku", True),
    ("action.payload.items.1.sku", False),
    ("action.payload.items.-1.sku", False),
    ("action.payload.items.99999999999.sku", False),
    ("action.payload.items.sku", False),
    ("action.payload.buyer.0", False),
]


@pytest.mark.parametrize(("path", "matches"), PATHS)
def test_a_path_walks_objects_and_lists(path: str, matches: bool) -> None:
    payload = {"items": [{"sku": "a"}], "buyer": {"name": "b"}}
    rules = rule_set(rule_of(condition={"field": path, "eq": "a"}))
    assert (decide(rules, order(payload), OFFICE_HOURS).verdict == "deny") is matches


def test_an_attribute_that_was_not_given_is_missing() -> None:
    rules = rule_set(
        rule_of(condition={"all": [PLACES_ORDER, {"field": "action.dedup_key", "exists": True}]})
    )
    assert decide(rules, order(), OFFICE_HOURS).verdict == "allow"
    assert decide(rules, order(dedup_key="k"), OFFICE_HOURS).verdict == "deny"


def test_the_moment_is_the_same_for_rules_of_every_zone() -> None:
    noon = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    tokyo = rule_of("tokyo", timezone="Asia/Tokyo", condition={"field": "time.hour", "eq": 21}, priority=1)
    berlin = rule_of("berlin", timezone="Europe/Berlin", condition={"field": "time.hour", "eq": 14})
    own = rule_of("own", condition={"field": "time.hour", "eq": 8}, priority=200)
    trace: list[RuleTrace] = []
    decide(rule_set(tokyo, berlin, own, zone="US/Eastern"), order(), noon, trace=trace, evaluate_all=True)
    assert [seen.result for seen in trace] == ["matched", "matched", "matched"]
