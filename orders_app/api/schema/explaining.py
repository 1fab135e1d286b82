"""The description of explanations."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    TEXT,
    TIME,
    answer,
    array,
    component,
    enum,
    maybe,
    operation,
)
from acteon_site.http.openapi_examples import NOW
from audit_app.records.vocabulary import DISPATCH_OUTCOMES, VERDICTS
from orders_app.api import views_explain

CHANGE = answer({"text": TEXT, "verdict": TEXT, "matched_rule": maybe(TEXT)})
SINCE = answer({"version": INTEGER, "actor": TEXT, "at": TIME, "or_before": BOOLEAN})
WITH_LESS = "With a total of $499.99 ($0.01 less) it would have been carried out."
SHOWN = {
    "action_id": "order-1",
    "outcome": "pending_approval",
    "verdict": "request_approval",
    "matched_rule": "approve-high-value",
    "ruleset_version": 3,
    "decided_at": NOW,
    "explanation": "It was held for approval by the rule approve-high-value. That is because the total, $500.00, is "
    f"at least $500.00. {WITH_LESS} The rule had stood like this since 2026-03-01 10:00:00 UTC, version 3 by maria.",
    "clauses": [{"text": "the total, $500.00, is at least $500.00", "holds": True}],
    "changes": [{"text": WITH_LESS, "verdict": "allow", "matched_rule": None}],
    "rule_since": {"version": 3, "actor": "maria", "at": "2026-03-01T10:00:00.000Z", "or_before": False},
    "unknown": None,
}
extend_schema_view(
    get=operation(
        "Why an action fared as it did: the rule, its clauses, what would have had to differ, who wrote it",
        component(
            "Explanation",
            answer(
                {
                    "action_id": TEXT,
                    "outcome": enum(*sorted(DISPATCH_OUTCOMES)),
                    "verdict": enum(*VERDICTS),
                    "matched_rule": maybe(TEXT),
                    "ruleset_version": INTEGER,
                    "decided_at": TIME,
                    "explanation": TEXT,
                    "clauses": array(answer({"text": TEXT, "holds": BOOLEAN})),
                    "changes": array(CHANGE),
                    "rule_since": maybe(SINCE),
                    "unknown": maybe(TEXT),
                }
            ),
        ),
        text="`unknown` says why clauses and changes are not told: the original is gone, or comes to something else "
        "today. What the trail redacts is not shown. Each of `changes` was tried with the rules of that time.",
        examples={"held for approval": SHOWN},
        errors=(404,),
    )
)(views_explain.RuleExplain)
