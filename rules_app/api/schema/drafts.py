"""The description of drafts of rules."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    NULL,
    OBJECT,
    PAGE,
    TEXT,
    TIME,
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
from rules_app.api import views_drafts

SPEC = maybe(OBJECT)
REVISION = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
REASON: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 500}
DRAFT_KEYS = {
    "number": INTEGER,
    "name": TEXT,
    "status": enum("open", "published", "discarded"),
    "base_version": maybe(INTEGER),
    "version": maybe(INTEGER),
    "reason": TEXT,
    "editors": array(TEXT),
    "created_by": TEXT,
    "created_at": TIME,
    "closed_by": TEXT,
    "closed_at": maybe(TIME),
}
DIFFERENCE_KEYS = {
    "rule": TEXT,
    "how": enum("added", "removed", "changed"),
    "words": array(TEXT),
    "diff": array(TEXT),
}
CHANGE = component(
    "RuleDraftChange",
    answer(
        {
            **DIFFERENCE_KEYS,
            "state": enum("due", "done", "conflict"),
            "spec": SPEC,
            "base": SPEC,
            "live": SPEC,
            "revision": maybe(REVISION),
            "live_revision": maybe(REVISION),
            "source": TEXT,
            "edited_by": TEXT,
            "edited_at": TIME,
        }
    ),
)
DRAFT = component("RuleDraft", answer(DRAFT_KEYS))
WHOLE = component("WholeRuleDraft", answer({**DRAFT_KEYS, "revision": REVISION, "changes": array(CHANGE)}))
RULE = component(
    "DraftedRule",
    answer(
        {
            "rule": TEXT,
            "spec": SPEC,
            "revision": maybe(REVISION),
            "live": SPEC,
            "live_revision": maybe(REVISION),
        }
    ),
)
VERSION_KEYS = {
    "number": INTEGER,
    "cause": TEXT,
    "reason": TEXT,
    "actor": TEXT,
    "draft": maybe(INTEGER),
    "created_at": TIME,
}
VERSION = component("RuleSetVersion", answer(VERSION_KEYS))
CONFLICT = component(
    "RuleConflict",
    answer(
        {"error": TEXT, "code": TEXT, "message": TEXT, "retryable": BOOLEAN},
        {
            "details": array(answer({"field": TEXT, "message": TEXT})),
            "conflicts": array(
                answer(
                    {
                        "rule": TEXT,
                        "base": SPEC,
                        "theirs": SPEC,
                        "yours": SPEC,
                        "by": TEXT,
                        "at": maybe(TIME),
                    }
                )
            ),
        },
    ),
)
BOTH_SIDES = OpenApiResponse(CONFLICT, "Somebody was faster; `conflicts` shows both sides of each rule")

LIVE_SPEC = {
    "name": "approve-high-value",
    "priority": 3,
    "condition": {"field": "action.payload.total_cents", "gte": 50000},
    "action": {"type": "request_approval", "timeout_seconds": 60},
}
DRAFT_SPEC = {**LIVE_SPEC, "priority": 4}
SHOWN: dict[str, Any] = {
    "number": 3,
    "name": "spring sale",
    "status": "open",
    "base_version": 7,
    "version": None,
    "reason": "",
    "editors": ["ann"],
    "created_by": "ann",
    "created_at": "2026-03-10T15:00:00.000Z",
    "closed_by": "",
    "closed_at": None,
}
SHOWN_WHOLE = {
    **SHOWN,
    "revision": "0f3a5b7c9d1e2f40",
    "changes": [
        {
            "rule": "approve-high-value",
            "how": "changed",
            "words": ["priority: 3 → 4"],
            "diff": ['-  "priority": 3', '+  "priority": 4'],
            "state": "due",
            "spec": DRAFT_SPEC,
            "base": LIVE_SPEC,
            "live": LIVE_SPEC,
            "revision": "1a2b3c4d5e6f7a8b",
            "live_revision": "8b7a6f5e4d3c2b1a",
            "source": "ecommerce",
            "edited_by": "ann",
            "edited_at": "2026-03-10T15:04:00.000Z",
        }
    ],
}
SHOWN_RULE = {
    "rule": "approve-high-value",
    "spec": DRAFT_SPEC,
    "revision": "1a2b3c4d5e6f7a8b",
    "live": LIVE_SPEC,
    "live_revision": "8b7a6f5e4d3c2b1a",
}
COUNTER_SPEC = {
    "name": "orders-of-email",
    "count": "orders",
    "by": ["action.payload.customer.email"],
    "window": "24h",
}
SHOWN_COUNTER = {
    "rule": " counter orders-of-email",
    "spec": COUNTER_SPEC,
    "revision": "2b3c4d5e6f7a8b9c",
    "live": None,
    "live_revision": None,
}
SHOWN_VERSION: dict[str, Any] = {
    "number": 8,
    "cause": "published draft 3: spring sale",
    "reason": "The sale begins",
    "actor": "ben",
    "draft": 3,
    "created_at": "2026-03-10T15:30:00.000Z",
}

extend_schema_view(
    get=operation(
        "Drafts of rules, the newest first",
        page("drafts", DRAFT),
        parameters=(*PAGE, query("status", enum("open", "published", "discarded"))),
        examples={"one": {"drafts": [SHOWN], "count": 1}},
    ),
    post=operation(
        "Begin a draft",
        WHOLE,
        status=201,
        sends=body({"name": NAME}),
        sends_examples={"a name": {"name": "spring sale"}},
        examples={"begun": {**SHOWN, "revision": "0f3a5b7c9d1e2f40", "changes": []}},
    ),
)(views_drafts.DraftList)
extend_schema_view(
    get=operation(
        "A draft, with each change beside what is live", WHOLE, errors=(404,), examples={"it": SHOWN_WHOLE}
    ),
    put=operation(
        "Rename a draft, or set the default time zone in it",
        WHOLE,
        sends=body({}, {"name": NAME, "default_timezone": TEXT}),
        sends_examples={"renamed": {"name": "summer sale"}},
        errors=(404, 409),
        examples={"changed": SHOWN_WHOLE},
    ),
    delete=operation("Discard a draft", None, status=204, errors=(404, 409)),
)(views_drafts.DraftDetail)
extend_schema_view(
    get=operation("A rule as the draft has it", RULE, errors=(404,), examples={"it": SHOWN_RULE}),
    put=operation(
        "Make or change a rule in the draft",
        RULE,
        sends=body({"spec": OBJECT, "revision": {"anyOf": [TEXT, NULL]}}),
        sends_examples={"changed": {"spec": DRAFT_SPEC, "revision": "8b7a6f5e4d3c2b1a"}},
        errors=(404,),
        others={409: BOTH_SIDES},
        examples={"changed": SHOWN_RULE},
    ),
    delete=operation(
        "Take a rule out, in the draft",
        None,
        status=204,
        parameters=(query("revision", TEXT, "Of the rule as you have seen it", required=True),),
        errors=(404,),
        others={409: BOTH_SIDES},
    ),
)(views_drafts.DraftRule)
extend_schema_view(
    get=operation("A counter as the draft has it", RULE, errors=(404,), examples={"it": SHOWN_COUNTER}),
    put=operation(
        "Declare a counter in the draft, or declare it otherwise",
        RULE,
        sends=body({"spec": OBJECT, "revision": {"anyOf": [TEXT, NULL]}}),
        sends_examples={"a new one": {"spec": COUNTER_SPEC, "revision": None}},
        errors=(404,),
        others={409: BOTH_SIDES},
        examples={"declared": SHOWN_COUNTER},
    ),
    delete=operation(
        "Take a counter out, in the draft",
        None,
        status=204,
        parameters=(query("revision", TEXT, "Of the counter as you have seen it", required=True),),
        errors=(404,),
        others={409: BOTH_SIDES},
    ),
)(views_drafts.DraftCounter)
extend_schema_view(
    post=operation(
        "End a conflict for one side, or take a change back",
        WHOLE,
        sends=body({"rule": TEXT, "take": enum("draft", "live"), "revision": {"anyOf": [TEXT, NULL]}}),
        sends_examples={
            "keep the draft's": {
                "rule": "approve-high-value",
                "take": "draft",
                "revision": "8b7a6f5e4d3c2b1a",
            }
        },
        errors=(404,),
        others={409: BOTH_SIDES},
        examples={"settled": SHOWN_WHOLE},
    )
)(views_drafts.DraftSettle)
extend_schema_view(
    post=operation(
        "Put a draft in force, all of it or nothing",
        VERSION,
        sends=body({"reason": REASON}, {"revision": TEXT}),
        sends_examples={"reviewed": {"reason": "The sale begins", "revision": "0f3a5b7c9d1e2f40"}},
        errors=(404,),
        others={409: BOTH_SIDES},
        examples={"in force": SHOWN_VERSION},
    )
)(views_drafts.DraftPublish)
extend_schema_view(
    post=operation(
        "Discard a draft",
        DRAFT,
        sends=body({}),
        sends_examples={"nothing": {}},
        errors=(404, 409),
        examples={
            "closed": {
                **SHOWN,
                "status": "discarded",
                "closed_by": "ann",
                "closed_at": "2026-03-10T16:00:00.000Z",
            }
        },
    )
)(views_drafts.DraftDiscard)
