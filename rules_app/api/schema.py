"""The description of the endpoints of rules and quotas."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view

from acteon_site.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    OBJECT,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE_NAME,
    TEXT,
    TEXTS,
    TIME,
    UUID,
    answer,
    array,
    body,
    component,
    enum,
    maybe,
    operation,
    page,
    query,
)
from rules_app.api import views_evaluate, views_quotas, views_rules

RULE = component("Rule", answer({"name": TEXT, "priority": INTEGER, "enabled": BOOLEAN, "description": TEXT}))
SHOWN_RULE = {
    "name": "deny-sanctioned-regions",
    "priority": 1,
    "enabled": True,
    "description": "Block orders from sanctioned regions",
}
extend_schema_view(
    get=operation("All rules in evaluation order", array(RULE), examples={"rules": [SHOWN_RULE]})
)(views_rules.RuleList)
extend_schema_view(
    put=operation(
        "Switch a rule on or off, durably",
        answer({"name": TEXT, "enabled": BOOLEAN, "status": enum("enabled", "disabled")}),
        sends=body({"enabled": BOOLEAN}),
        sends_examples={"off": {"enabled": False}},
        examples={"off": {"name": "deny-unmatched", "enabled": False, "status": "disabled"}},
        errors=(404, 409),
    )
)(views_rules.RuleEnabled)
ENTRY = answer(
    {
        "namespace": TEXT,
        "tenant": TEXT,
        "provider": TEXT,
        "action_type": TEXT,
        "total": INTEGER,
        "covered": INTEGER,
        "uncovered": INTEGER,
        "matched_rules": array(TEXT),
    }
)
extend_schema_view(
    get=operation(
        "Which actions rules matched, by what was dispatched",
        component(
            "Coverage",
            answer(
                {
                    "scanned_from": TIME,
                    "scanned_to": TIME,
                    "total_actions": INTEGER,
                    "unique_combinations": INTEGER,
                    "fully_covered": INTEGER,
                    "partially_covered": INTEGER,
                    "uncovered": INTEGER,
                    "rules_loaded": INTEGER,
                    "entries": array(ENTRY),
                    "unmatched_rules": array(TEXT),
                }
            ),
        ),
        parameters=(*OPTIONAL_SCOPE, query("from", TIME, "Default: 7 days before `to`"), query("to", TIME)),
        examples={
            "one kind": {
                "scanned_from": "2026-03-03T15:00:00.000Z",
                "scanned_to": "2026-03-10T15:00:00.000Z",
                "total_actions": 12,
                "unique_combinations": 1,
                "fully_covered": 1,
                "partially_covered": 0,
                "uncovered": 0,
                "rules_loaded": 6,
                "entries": [
                    {
                        "namespace": "ecommerce",
                        "tenant": "acme-store",
                        "provider": "payment-gateway",
                        "action_type": "place_order",
                        "total": 12,
                        "covered": 12,
                        "uncovered": 0,
                        "matched_rules": ["dedup-double-submit"],
                    }
                ],
                "unmatched_rules": ["deny-unmatched"],
            }
        },
    )
)(views_rules.RuleCoverage)

TRACE = component(
    "RuleTrace",
    answer(
        {
            "rule_name": TEXT,
            "priority": INTEGER,
            "enabled": BOOLEAN,
            "condition_display": TEXT,
            "result": enum("matched", "not_matched", "skipped", "error"),
            "evaluation_duration_us": INTEGER,
            "action": TEXT,
            "source": TEXT,
        },
        {
            "description": TEXT,
            "skip_reason": TEXT,
            "error": TEXT,
            "notes": array(TEXT),
            "modified_payload_preview": OBJECT,
        },
    ),
)
extend_schema_view(
    post=operation(
        "What the rules would say, rule by rule; consumes nothing",
        component(
            "Evaluation",
            answer(
                {
                    "verdict": TEXT,
                    "has_errors": BOOLEAN,
                    "total_rules_evaluated": INTEGER,
                    "total_rules_skipped": INTEGER,
                    "evaluation_duration_us": INTEGER,
                    "trace": array(TRACE),
                    "context": answer(
                        {"time": OBJECT, "environment_keys": array(TEXT)}, {"effective_timezone": TEXT}
                    ),
                    "gates": array(TEXT),
                    "ruleset_version": INTEGER,
                },
                {"matched_rule": TEXT, "modified_payload": OBJECT},
            ),
        ),
        sends=body(
            {
                "namespace": SCOPE_NAME,
                "tenant": SCOPE_NAME,
                "provider": SCOPE_NAME,
                "action_type": NAME,
                "payload": OBJECT,
            },
            {
                "metadata": maybe({"anyOf": [TEXTS, answer({"labels": TEXTS})]}),
                "include_disabled": BOOLEAN,
                "evaluate_all": BOOLEAN,
                "evaluate_at": TIME,
                "mock_state": maybe(OBJECT),
            },
        ),
        sends_examples={
            "an order": {
                "namespace": "ecommerce",
                "tenant": "acme-store",
                "provider": "payment-gateway",
                "action_type": "place_order",
                "payload": {"order_id": "o-1", "total_cents": 60000, "shipping_country": "US"},
                "evaluate_all": True,
            }
        },
        examples={
            "held for approval": {
                "verdict": "request_approval",
                "matched_rule": "approve-high-value",
                "has_errors": False,
                "total_rules_evaluated": 2,
                "total_rules_skipped": 0,
                "evaluation_duration_us": 180,
                "trace": [],
                "context": {"time": {"hour": 11}, "environment_keys": [], "effective_timezone": "US/Eastern"},
                "gates": [],
                "ruleset_version": 3,
            }
        },
    )
)(views_evaluate.RuleEvaluate)

# Quotas --------------------------------------------------------------------------------------------------------
QUOTA = component(
    "Quota",
    answer(
        {
            "id": UUID,
            "namespace": TEXT,
            "tenant": TEXT,
            "provider": maybe(TEXT),
            "principal": maybe(TEXT),
            "per_principal": BOOLEAN,
            "max_actions": INTEGER,
            "window": TEXT,
            "overage_behavior": TEXT,
            "enabled": BOOLEAN,
            "created_at": TIME,
            "updated_at": TIME,
            "description": TEXT,
            "labels": TEXTS,
        }
    ),
)
WINDOW = {
    "anyOf": [
        enum("hourly", "daily", "weekly", "monthly"),
        {"type": "integer", "minimum": 1, "maximum": 31_622_400},
        {"type": "string", "pattern": "^[1-9][0-9]{0,6}$"},
        body({"custom": body({"seconds": {"type": "integer", "minimum": 1, "maximum": 31_622_400}})}),
    ]
}
OVERAGE = {
    "anyOf": [
        enum("block", "warn"),
        {"type": "string", "pattern": "^(degrade|notify):[a-z]{1,20}$"},
        answer({"degrade": body({"fallback_provider": SCOPE_NAME})}),
        answer({"notify": body({"target": SCOPE_NAME})}),
    ]
}
TERMS: dict[str, Any] = {
    "max_actions": {"type": "integer", "minimum": 1, "maximum": 1_000_000_000},
    "window": WINDOW,
    "overage_behavior": OVERAGE,
}
MORE: dict[str, Any] = {
    "provider": maybe(SCOPE_NAME),
    "principal": maybe(NAME),
    "per_principal": BOOLEAN,
    "enabled": BOOLEAN,
    "description": TEXT,
    "labels": TEXTS,
}
SHOWN_QUOTA: dict[str, Any] = {
    "id": "01a20300-0000-7000-8000-000000000001",
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "provider": None,
    "principal": None,
    "per_principal": False,
    "max_actions": 200,
    "window": "hourly",
    "overage_behavior": "degrade:compliance-queue",
    "enabled": True,
    "created_at": "2026-03-10T15:00:00.000Z",
    "updated_at": "2026-03-10T15:00:00.000Z",
    "description": "",
    "labels": {},
}
SENT_QUOTA: dict[str, Any] = {
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "max_actions": 200,
    "window": "hourly",
    "overage_behavior": {"degrade": {"fallback_provider": "compliance-queue"}},
}
extend_schema_view(
    get=operation(
        "Quotas",
        page("quotas", QUOTA),
        parameters=(*OPTIONAL_SCOPE, *PAGE),
        examples={"one": {"quotas": [SHOWN_QUOTA], "count": 1}},
    ),
    post=operation(
        "Make a quota",
        QUOTA,
        status=201,
        sends=body({"namespace": SCOPE_NAME, "tenant": SCOPE_NAME, **TERMS}, MORE),
        sends_examples={"hourly": SENT_QUOTA},
        examples={"made": SHOWN_QUOTA},
        errors=(409,),
    ),
)(views_quotas.QuotaList)
extend_schema_view(
    get=operation("One quota", QUOTA, parameters=OPTIONAL_SCOPE, errors=(404,), examples={"it": SHOWN_QUOTA}),
    put=operation(
        "Change what the body names",
        QUOTA,
        parameters=OPTIONAL_SCOPE,
        sends=body({}, {**TERMS, **MORE}),
        sends_examples={"more": {"max_actions": 500}},
        errors=(404, 409),
        examples={"changed": SHOWN_QUOTA},
    ),
    delete=operation("Remove a quota", None, status=204, parameters=OPTIONAL_SCOPE, errors=(404,)),
)(views_quotas.QuotaDetail)
extend_schema_view(
    get=operation(
        "How far a quota is used",
        component(
            "QuotaUsage",
            answer(
                {
                    "tenant": TEXT,
                    "namespace": TEXT,
                    "used": INTEGER,
                    "limit": INTEGER,
                    "remaining": INTEGER,
                    "window": TEXT,
                    "resets_at": TIME,
                    "overage_behavior": TEXT,
                }
            ),
        ),
        parameters=(*OPTIONAL_SCOPE, query("principal", NAME, "Whose use, where it counts per caller")),
        errors=(404,),
        examples={
            "half": {
                "tenant": "acme-store",
                "namespace": "ecommerce",
                "used": 100,
                "limit": 200,
                "remaining": 100,
                "window": "hourly",
                "resets_at": "2026-03-10T16:00:00.000Z",
                "overage_behavior": "block",
            }
        },
    )
)(views_quotas.QuotaUsage)
