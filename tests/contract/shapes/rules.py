"""Rules: the list, an evaluation, coverage."""

from __future__ import annotations

from tests.contract.shapes.dispatch import VERDICTS
from tests.contract.strict import (
    Shape,
    boolean,
    exactly,
    filled,
    integer,
    listed,
    mapping,
    one_of,
    or_null,
    text,
    time,
)

RULE = Shape({"name": filled, "priority": integer, "enabled": boolean, "description": text})
RULE_ENABLED = Shape({"name": filled, "enabled": boolean, "status": one_of("enabled", "disabled")})
RELOAD = Shape(
    {"reloaded": integer, "loaded": integer, "errors": exactly([]), "directory": filled},
    # Unknown keys are told as warnings by the loaders ("Everywhere").
    extra={"warnings": listed(mapping)},
)
TRACE = Shape(
    {
        "rule_name": filled,
        "priority": integer,
        "enabled": boolean,
        "condition_display": filled,
        "result": one_of("matched", "not_matched", "skipped", "error"),
        "evaluation_duration_us": integer,
        "action": filled,
        "source": filled,
    },
    {
        "description": text,
        "skip_reason": text,
        "error": text,
        "modified_payload_preview": mapping,
        # Ours: why an operator was false (a missing or mistyped value).
        "notes": listed(filled),
    },
)
EVALUATION = Shape(
    {
        "verdict": one_of(*VERDICTS),
        "has_errors": boolean,
        "total_rules_evaluated": integer,
        "total_rules_skipped": integer,
        "evaluation_duration_us": integer,
        "trace": listed(TRACE),
        "context": Shape({"time": mapping, "environment_keys": listed(text)}, {"effective_timezone": filled}),
    },
    {"matched_rule": filled, "modified_payload": mapping},
    # The gates that would be asked, and the version that decided.
    extra={
        "gates": listed(filled),
        "ruleset_version": integer,
        # What a dry run says, and each gate on the way; null where nobody knows.
        "would_be": or_null(Shape({"verdict": filled, "matched_rule": or_null(filled)}, {"muting": filled})),
        "gates_asked": listed(Shape({"name": filled, "passes": or_null(boolean), "text": filled})),
        "unknown": listed(filled),
    },
)
COVERAGE = Shape(
    {
        "scanned_from": time,
        "scanned_to": time,
        "total_actions": integer,
        "unique_combinations": integer,
        "fully_covered": integer,
        "partially_covered": integer,
        "uncovered": integer,
        "rules_loaded": integer,
        "entries": listed(
            Shape(
                {
                    "namespace": filled,
                    "tenant": filled,
                    "provider": filled,
                    "action_type": filled,
                    "total": integer,
                    "covered": integer,
                    "uncovered": integer,
                    "matched_rules": listed(filled),
                }
            )
        ),
        "unmatched_rules": listed(filled),
    },
    optional={"warnings": listed(Shape({"rule": filled, "message": filled}))},
)
EXPLANATION = Shape(
    {
        "action_id": filled,
        "outcome": filled,
        "verdict": one_of(*VERDICTS),
        "matched_rule": or_null(filled),
        "ruleset_version": integer,
        "decided_at": time,
        "explanation": filled,
        "clauses": listed(Shape({"text": filled, "holds": boolean})),
        "changes": listed(Shape({"text": filled, "verdict": filled, "matched_rule": or_null(filled)})),
        "rule_since": or_null(Shape({"version": integer, "actor": text, "at": time, "or_before": boolean})),
        "unknown": or_null(filled),
    }
)
FINDINGS = Shape(
    {
        "rules": integer,
        "counts": Shape({"note": integer, "warning": integer, "error": integer}),
        "findings": listed(
            Shape(
                {
                    "id": filled,
                    "severity": one_of("note", "warning", "error"),
                    "rule": text,
                    "field": text,
                    "message": filled,
                    "advice": filled,
                },
                {"example": mapping},
            )
        ),
    }
)
