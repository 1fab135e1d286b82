"""The description of what the check says."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import INTEGER, OBJECT, TEXT, answer, array, component, enum, operation
from rules_app.api import views_checks
from rules_app.checking import Severity

SEVERITIES = [one.word for one in Severity]
FINDING_KEYS = {
    "id": TEXT,
    "severity": enum(*SEVERITIES),
    "rule": TEXT,
    "field": TEXT,
    "message": TEXT,
    "advice": TEXT,
}
FINDINGS = component(
    "RuleFindings",
    answer(
        {
            "rules": INTEGER,
            "counts": answer(dict.fromkeys(SEVERITIES, INTEGER)),
            "findings": array(answer(FINDING_KEYS, {"example": OBJECT})),
        }
    ),
)
UNREACHED: dict[str, Any] = {
    "rules": 7,
    "counts": {"note": 0, "warning": 0, "error": 1},
    "findings": [
        {
            "id": "unreachable",
            "severity": "error",
            "rule": "too-late",
            "field": "",
            "message": 'is reached by nothing: rule "deny-sanctioned-regions" above it takes all that it would match',
            "advice": "Move it up, or delete it.",
        }
    ],
}
CLEAN: dict[str, Any] = {"rules": 6, "counts": dict.fromkeys(SEVERITIES, 0), "findings": []}
extend_schema_view(
    get=operation(
        "What is wrong with the rules as they stand",
        FINDINGS,
        examples={"a rule that nothing reaches": UNREACHED, "nothing to mind": CLEAN},
        text="`rules` counts the enabled rules. `message` goes on from the rule's name; a finding about all names "
        "none. `example` is an action that shows it.",
    )
)(views_checks.RuleCheck)
extend_schema_view(
    get=operation(
        "What would be wrong with the rules once a draft is published, and is not now",
        FINDINGS,
        errors=(404,),
        examples={"a rule that nothing reaches": UNREACHED},
    )
)(views_checks.DraftCheck)
