"""The description of rules: listing, switching, coverage."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    OPTIONAL_SCOPE,
    TEXT,
    TIME,
    answer,
    array,
    body,
    component,
    enum,
    operation,
    query,
)
from rules_app.api import views_rules
from rules_app.api.schema.trials import ROLLOUT

RULE = component(
    "Rule",
    answer(
        {"name": TEXT, "priority": INTEGER, "enabled": BOOLEAN, "description": TEXT},
        {
            "shadow": BOOLEAN,
            "rollout": ROLLOUT,
            "mute_time_intervals": array(TEXT),
            "active_time_intervals": array(TEXT),
        },
    ),
)
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
                },
                {"warnings": array(answer({"rule": TEXT, "message": TEXT}))},
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
