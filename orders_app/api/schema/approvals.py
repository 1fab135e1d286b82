"""The description of approvals."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema_view

from acteon_site.http.openapi import (
    INTEGER,
    NULL,
    PAGE,
    SCOPE,
    TEXT,
    TIME,
    UUID,
    answer,
    component,
    enum,
    maybe,
    operation,
    page,
    query,
)
from acteon_site.http.openapi_examples import ID, NOW
from orders_app.api import views_approvals
from orders_app.api.schema.outcomes import OUTCOME, SHOWN_OUTCOMES
from orders_app.api.schema.shared import HOLD_STATUS
from orders_app.states import HoldStatus

APPROVAL = component(
    "Approval",
    answer(
        {
            "token": UUID,
            "status": enum(*HoldStatus.values),
            "rule": TEXT,
            "created_at": TIME,
            "expires_at": TIME,
            "decided_at": maybe(TIME),
            "message": TEXT,
            "action_id": TEXT,
            "decided_by": maybe(TEXT),
        }
    ),
)
SHOWN_APPROVAL = {
    "token": ID,
    "status": "pending",
    "rule": "approve-high-value",
    "created_at": NOW,
    "expires_at": NOW,
    "decided_at": None,
    "message": "High-value order requires manager approval",
    "action_id": "order-1",
    "decided_by": None,
}
SIGNED = (
    query("sig", TEXT, required=True),
    query("expires_at", INTEGER, "Seconds since 1970", required=True),
    query("kid", TEXT),
)
extend_schema_view(
    get=operation(
        "Approvals, newest first; never their links",
        page("approvals", APPROVAL),
        parameters=(*SCOPE, *PAGE, HOLD_STATUS),
        examples={"one": {"approvals": [SHOWN_APPROVAL], "count": 1}},
    )
)(views_approvals.Approvals)
extend_schema_view(
    get=operation(
        "One approval, by either link's signature",
        APPROVAL,
        parameters=SIGNED,
        errors=(404,),
        is_open=True,
        examples={"pending": SHOWN_APPROVAL},
    )
)(views_approvals.Approval)
HTML = {(200, "text/html"): OpenApiResponse(OpenApiTypes.STR, "The order and a button, for browsers")}
# `pending`: the first of two people has approved. A rejection may need a reason, which a link cannot give.
for view, verb, statuses, outcome, shown, refused in (
    (
        *(views_approvals.ApprovalDecision, "Approve", ("approved", "pending"), maybe(OUTCOME)),
        *(SHOWN_OUTCOMES["Executed"], 409),
    ),
    (views_approvals.Reject, "Reject", ("rejected",), NULL, None, 422),
):
    extend_schema_view(
        get=operation(
            f"{verb}: look at it; decides nothing",
            APPROVAL,
            parameters=SIGNED,
            errors=(404,),
            is_open=True,
            examples={"pending": SHOWN_APPROVAL},
            others=HTML,
        ),
        post=operation(
            f"{verb} the order",
            answer({"id": UUID, "status": enum(*statuses), "outcome": outcome}),
            parameters=SIGNED,
            errors=(404, refused, 410),
            is_open=True,
            examples={statuses[0]: {"id": ID, "status": statuses[0], "outcome": shown}},
            others=HTML,
        ),
    )(view)
