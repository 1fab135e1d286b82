"""The guide's shop: its six rules, an order, and a moment in office hours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rules_app.engine import ActionView, Rule, RuleSet, parse_rule

OFFICE_HOURS = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)  # Wednesday, 11:00 in US/Eastern
AT_NIGHT = datetime(2026, 3, 12, 3, 0, tzinfo=UTC)  # Wednesday, 23:00 in US/Eastern
PLACES_ORDER = {"field": "action.action_type", "eq": "place_order"}

GUIDE: list[dict[str, Any]] = [
    {
        "name": "deny-sanctioned-regions",
        "priority": 1,
        "description": "Block orders from sanctioned regions",
        "condition": {
            "all": [
                PLACES_ORDER,
                {"field": "action.payload.shipping_country", "in_list": ["NK", "SY", "IR"]},
            ]
        },
        "action": {"type": "deny"},
    },
    {
        "name": "approve-high-value",
        "priority": 3,
        "condition": {"all": [{"field": "action.payload.total_cents", "gte": 50000}, PLACES_ORDER]},
        "action": {
            "type": "request_approval",
            "notify_provider": "email-service",
            "timeout_seconds": 60,
            "message": "High-value order requires manager approval",
        },
    },
    {
        "name": "schedule-after-hours",
        "priority": 10,
        "timezone": "US/Eastern",
        "condition": {
            "all": [
                PLACES_ORDER,
                {
                    "any": [
                        {"field": "time.hour", "lt": 9},
                        {"field": "time.hour", "gte": 17},
                        {"field": "time.weekday_num", "gte": 6},
                    ]
                },
            ]
        },
        "action": {"type": "schedule", "delay_seconds": 30},
    },
    {
        "name": "dedup-double-submit",
        "priority": 15,
        "condition": PLACES_ORDER,
        "action": {"type": "deduplicate", "ttl_seconds": 300},
    },
    {
        "name": "throttle-merchant-orders",
        "priority": 20,
        "condition": PLACES_ORDER,
        "action": {"type": "throttle", "max_count": 10, "window_seconds": 60},
    },
    {
        "name": "deny-unmatched",
        "priority": 100,
        "condition": {"field": "action.tenant", "eq": "acme-store"},
        "action": {"type": "suppress"},
    },
]


def rule_of(name: str = "a-rule", **spec: Any) -> Rule:
    """A parsed rule; by default it denies every order."""
    whole = {"name": name, "condition": PLACES_ORDER, "action": {"type": "deny"}} | spec
    rule, problems = parse_rule(whole)
    assert rule is not None, problems
    return rule


def problems_of(**spec: Any) -> dict[str, str]:
    """What is wrong with a rule, by field."""
    whole = {"name": "a-rule", "condition": PLACES_ORDER, "action": {"type": "deny"}} | spec
    return {problem.field: problem.message for problem in parse_rule(whole)[1]}


def rule_set(*rules: Rule | dict[str, Any], zone: str = "UTC") -> RuleSet:
    parsed = tuple(rule if isinstance(rule, Rule) else rule_of(**rule) for rule in rules)
    return RuleSet(1, parsed, zone)


def guide_rules(*more: Rule) -> RuleSet:
    return rule_set(*GUIDE, *more, zone="US/Eastern")


def order(payload: dict[str, Any] | None = None, **changes: Any) -> ActionView:
    facts: dict[str, Any] = {
        "namespace": "ecommerce",
        "tenant": "acme-store",
        "provider": "payment-gateway",
        "action_type": "place_order",
        "payload": {"order_id": "o-1", "total_cents": 9900, "shipping_country": "US"},
        "id": "a-1",
    }
    if payload is not None:
        facts["payload"] = payload
    return ActionView(**facts | changes)
