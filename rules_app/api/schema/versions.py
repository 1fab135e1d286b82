"""The description of versions of the rules."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    INTEGER,
    OBJECT,
    PAGE,
    TEXT,
    answer,
    array,
    body,
    component,
    maybe,
    operation,
    page,
)
from rules_app.api import views_versions
from rules_app.api.schema.drafts import (
    BOTH_SIDES,
    DIFFERENCE_KEYS,
    DRAFT,
    LIVE_SPEC,
    REASON,
    SHOWN,
    SHOWN_VERSION,
    VERSION,
    VERSION_KEYS,
)

WHOLE = component(
    "WholeRuleSetVersion",
    answer(
        {
            **VERSION_KEYS,
            "default_timezone": TEXT,
            "rules": array(OBJECT),
            "disabled": maybe(array(OBJECT)),
        },
        {"counters": array(OBJECT)},
    ),
)
DIFF = component(
    "RuleVersionDiff",
    answer({"from": INTEGER, "to": INTEGER, "differences": array(answer(DIFFERENCE_KEYS))}),
)
extend_schema_view(
    get=operation(
        "Versions of the rules, the newest first",
        page("versions", VERSION),
        parameters=PAGE,
        examples={"one": {"versions": [SHOWN_VERSION], "count": 1}},
    )
)(views_versions.VersionList)
extend_schema_view(
    get=operation(
        "A version with its rules",
        WHOLE,
        errors=(404,),
        examples={
            "it": {**SHOWN_VERSION, "default_timezone": "US/Eastern", "rules": [LIVE_SPEC], "disabled": []}
        },
    )
)(views_versions.VersionDetail)
extend_schema_view(
    get=operation(
        "What lies between two versions, in words and line by line",
        DIFF,
        errors=(404,),
        examples={
            "a priority": {
                "from": 7,
                "to": 8,
                "differences": [
                    {
                        "rule": "approve-high-value",
                        "how": "changed",
                        "words": ["priority: 3 → 4"],
                        "diff": ['-  "priority": 3', '+  "priority": 4'],
                    }
                ],
            }
        },
    )
)(views_versions.VersionDiff)
extend_schema_view(
    post=operation(
        "Put an older version's rules in force again",
        DRAFT,
        sends=body({"reason": REASON}),
        sends_examples={"back": {"reason": "It held too many orders"}},
        errors=(404,),
        others={409: BOTH_SIDES},
        examples={"done": {**SHOWN, "status": "published", "name": "Back to version 7", "version": 9}},
        text="Answers the draft by which it is done: published, or open where a second person must publish it.",
    )
)(views_versions.VersionRestore)
