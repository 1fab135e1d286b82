"""The description of evaluating an action without placing it."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    OBJECT,
    SCOPE_NAME,
    TEXT,
    TEXTS,
    TIME,
    answer,
    array,
    body,
    component,
    enum,
    maybe,
    operation,
)
from rules_app.api import views_evaluate

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
            "counters": OBJECT,
            "modified_payload_preview": OBJECT,
            "would": TEXT,
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
                {
                    "matched_rule": TEXT,
                    "modified_payload": OBJECT,
                    "would_be": maybe(
                        answer({"verdict": TEXT, "matched_rule": maybe(TEXT)}, {"muting": TEXT})
                    ),
                    "gates_asked": array(answer({"name": TEXT, "passes": maybe(BOOLEAN), "text": TEXT})),
                    "unknown": array(TEXT),
                },
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
