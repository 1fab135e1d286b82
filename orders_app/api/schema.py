"""The description of dispatch, orders, approvals, schedules, replay and templates; an example for every outcome."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema_view

from acteon_site.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    NULL,
    OBJECT,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE,
    SCOPE_NAME,
    TEXT,
    TEXTS,
    TIME,
    UUID,
    Schema,
    answer,
    array,
    body,
    component,
    enum,
    header,
    maybe,
    one_of,
    operation,
    page,
    query,
)
from audit_app.api.schema import FILTERS, VERDICTS
from orders_app.api import views_approvals, views_dispatch, views_orders, views_replay, views_templates
from orders_app.services.run_outcomes import CONTRACT_CODES
from orders_app.states import HoldStatus, OrderStatus

ID = "01a20300-0000-7000-8000-000000000001"
NOW = "2026-03-10T15:00:00.000Z"
BODY_SCOPE = {"namespace": SCOPE_NAME, "tenant": SCOPE_NAME}
SHOWN_SCOPE = {"namespace": "ecommerce", "tenant": "acme-store"}

# Outcomes ------------------------------------------------------------------------------------------------------
RESPONSE = component(
    "ProviderResponse", answer({"status": enum("success", "partial"), "body": OBJECT, "headers": OBJECT})
)
CONTENTS: dict[str, Schema] = {
    "Executed": RESPONSE,
    "Suppressed": answer({"rule": TEXT}),
    "Rerouted": answer({"original_provider": TEXT, "new_provider": TEXT, "response": RESPONSE}),
    "Throttled": answer({"retry_after": answer({"secs": INTEGER, "nanos": INTEGER})}),
    "Failed": answer(
        {"code": enum(*sorted(CONTRACT_CODES)), "message": TEXT, "retryable": BOOLEAN, "attempts": INTEGER}
    ),
    "PendingApproval": answer(
        {
            "approval_id": UUID,
            "expires_at": TIME,
            "approve_url": TEXT,
            "reject_url": TEXT,
            "notification_sent": BOOLEAN,
        }
    ),
    "Scheduled": answer({"action_id": TEXT, "scheduled_for": TIME}),
    "ChainStarted": answer({"chain_id": UUID, "chain_name": TEXT, "total_steps": INTEGER, "first_step": TEXT}),
    "CircuitOpen": answer({"provider": TEXT, "fallback_chain": array(TEXT)}),
    "QuotaExceeded": answer({"tenant": TEXT, "limit": INTEGER, "used": INTEGER, "overage_behavior": TEXT}),
    "StateChanged": answer({"fingerprint": TEXT, "previous_state": TEXT, "new_state": TEXT, "notify": BOOLEAN}),
    "DryRun": answer({"verdict": enum(*VERDICTS), "matched_rule": maybe(TEXT), "would_be_provider": TEXT}),
}
TAGGED = [answer({tag: content}) for tag, content in CONTENTS.items()]
OUTCOME = component("Outcome", one_of(enum("Deduplicated"), *TAGGED))
ITEM = component(
    "BatchItem",
    one_of(
        answer({"Deduplicated": NULL}),
        *TAGGED,
        answer({"error": answer({"code": TEXT, "message": TEXT, "retryable": BOOLEAN})}),
    ),
)
CALLED: dict[str, Any] = {
    "status": "success",
    "body": {"provider": "compliance-queue", "logged": True},
    "headers": {},
}
SHOWN_OUTCOMES: dict[str, Any] = {
    "Executed": {
        "Executed": {
            "status": "success",
            "body": {
                "order_id": "ORD-1001",
                "state": "placed",
                "chain_id": ID,
                "chain_name": "order-processing",
                "chain_url": f"http://127.0.0.1:8080/v1/chains/{ID}",
            },
            "headers": {},
        }
    },
    "Deduplicated": "Deduplicated",
    "Suppressed": {"Suppressed": {"rule": "deny-sanctioned-regions"}},
    "Rerouted": {
        "Rerouted": {
            "original_provider": "payment-gateway",
            "new_provider": "compliance-queue",
            "response": CALLED,
        }
    },
    "Throttled": {"Throttled": {"retry_after": {"secs": 42, "nanos": 0}}},
    "Failed": {"Failed": {"code": "TIMEOUT", "message": "no answer", "retryable": True, "attempts": 3}},
    "PendingApproval": {
        "PendingApproval": {
            "approval_id": ID,
            "expires_at": NOW,
            "approve_url": f"http://127.0.0.1:8080/v1/approvals/ecommerce/acme-store/{ID}/approve?sig=…",
            "reject_url": f"http://127.0.0.1:8080/v1/approvals/ecommerce/acme-store/{ID}/reject?sig=…",
            "notification_sent": True,
        }
    },
    "Scheduled": {"Scheduled": {"action_id": "order-1", "scheduled_for": NOW}},
    "ChainStarted": {
        "ChainStarted": {
            "chain_id": ID,
            "chain_name": "order-processing",
            "total_steps": 5,
            "first_step": "validate",
        }
    },
    "CircuitOpen": {"CircuitOpen": {"provider": "payment-gateway", "fallback_chain": ["compliance-queue"]}},
    "QuotaExceeded": {
        "QuotaExceeded": {"tenant": "acme-store", "limit": 200, "used": 200, "overage_behavior": "block"}
    },
    "StateChanged": {
        "StateChanged": {
            "fingerprint": "ORD-1001",
            "previous_state": "placed",
            "new_state": "confirmed",
            "notify": False,
        }
    },
    "DryRun": {
        "DryRun": {
            "verdict": "request_approval",
            "matched_rule": "approve-high-value",
            "would_be_provider": "payment-gateway",
        }
    },
}

# Dispatch ------------------------------------------------------------------------------------------------------
ACTION = component(
    "Action",
    body(
        {**BODY_SCOPE, "provider": SCOPE_NAME, "action_type": NAME, "payload": OBJECT},
        {
            **{name: maybe(NAME) for name in ("id", "dedup_key", "fingerprint")},
            **{name: maybe({"type": "string", "maxLength": 256}) for name in ("status", "template")},
            **{name: maybe(TIME) for name in ("created_at", "starts_at", "ends_at")},
            "metadata": maybe({"anyOf": [TEXTS, body({"labels": TEXTS})]}),
            "trace_context": {},
            "attachments": {},
            "signature": {},
            "signer_id": {},
            "kid": {},
        },
    ),
)
SHOWN_ACTION = {
    **SHOWN_SCOPE,
    "provider": "payment-gateway",
    "action_type": "place_order",
    "id": "order-1",
    "dedup_key": "order-ORD-1001",
    "payload": {"order_id": "ORD-1001", "total_cents": 7999, "currency": "USD", "shipping_country": "US"},
}
DRY_RUN = query("dry_run", enum("true", "false"), "Say what would happen; consume and store nothing")
KEY = header(
    "Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 255}, "The first answer is given again"
)
REPLY_HEADERS = (
    OpenApiParameter(
        "X-Dedup-Reason", enum("dedup_key", "living_order"), OpenApiParameter.HEADER, response=[200]
    ),
    OpenApiParameter("Idempotency-Replayed", enum("true"), OpenApiParameter.HEADER, response=[200, 422]),
)
extend_schema_view(
    post=operation(
        "Dispatch one action; the outcome is the answer",
        OUTCOME,
        text="Throttled, Failed, CircuitOpen and QuotaExceeded are 200 too.",
        parameters=(DRY_RUN, KEY, *REPLY_HEADERS),
        sends=ACTION,
        sends_examples={"an order": SHOWN_ACTION},
        examples=SHOWN_OUTCOMES,
        errors=(409,),
    )
)(views_dispatch.Dispatch)
extend_schema_view(
    post=operation(
        "Dispatch up to 1000 actions; each has its own answer, in order",
        array(ITEM, maxItems=1000),
        parameters=(DRY_RUN, KEY, *REPLY_HEADERS[1:]),
        # Items are judged one by one: what is no action fails alone.
        sends=array(ACTION, maxItems=1000),
        sends_examples={"two": [SHOWN_ACTION, SHOWN_ACTION]},
        examples={
            "two": [SHOWN_OUTCOMES["Executed"], {"Deduplicated": None}],
            "a bad item": [{"error": {"code": "VALIDATION", "message": "payload is required", "retryable": False}}],
        },
        errors=(409,),
    )
)(views_dispatch.DispatchBatch)

# Orders --------------------------------------------------------------------------------------------------------
EVENT_KEYS = {"fingerprint": TEXT, "state": TEXT, "action_type": TEXT, "updated_at": TIME}
ORDER = component(
    "Order",
    answer(
        {
            **EVENT_KEYS,
            "history": array(answer({"from": TEXT, "to": TEXT, "at": TIME, "actor": TEXT})),
            "allowed": array(TEXT),
            "status": enum(*OrderStatus.values),
            "reason": TEXT,
            "action_id": TEXT,
            "chain_id": maybe(UUID),
        }
    ),
)
SHOWN_EVENT = {"fingerprint": "ORD-1001", "state": "placed", "action_type": "place_order", "updated_at": NOW}
SHOWN_ORDER = {
    **SHOWN_EVENT,
    "history": [{"from": "", "to": "placed", "at": NOW, "actor": "key:storefront"}],
    "allowed": ["confirmed"],
    "status": "processing",
    "reason": "",
    "action_id": "order-1",
    "chain_id": ID,
}
extend_schema_view(
    get=operation(
        "Orders and their lifecycle states",
        page("events", component("OrderEvent", answer(EVENT_KEYS))),
        parameters=(*SCOPE, *PAGE, query("status", TEXT, "A lifecycle state")),
        examples={"one": {"events": [SHOWN_EVENT], "count": 1}},
    )
)(views_orders.Events)
extend_schema_view(
    get=operation(
        "One order with its history", ORDER, parameters=SCOPE, errors=(404,), examples={"placed": SHOWN_ORDER}
    )
)(views_orders.Event)
extend_schema_view(
    put=operation(
        "Move an order along its lifecycle",
        component("Transition", CONTENTS["StateChanged"]),
        sends=body(BODY_SCOPE, {"to": TEXT, "to_state": TEXT}),
        sends_examples={"confirm": {**SHOWN_SCOPE, "to": "confirmed"}},
        errors=(404, 409),
        examples={"confirmed": SHOWN_OUTCOMES["StateChanged"]["StateChanged"]},
    )
)(views_orders.Transition)
extend_schema_view(
    post=operation(
        "Cancel an order",
        ORDER,
        sends=body(BODY_SCOPE, {"reason": maybe({"type": "string", "maxLength": 1000})}),
        sends_examples={"why": {**SHOWN_SCOPE, "reason": "customer called"}},
        errors=(404, 409),
        examples={"cancelled": {**SHOWN_ORDER, "status": "cancelled", "allowed": []}},
    )
)(views_orders.OrderCancel)
SCHEDULED = component(
    "ScheduledAction",
    answer(
        {
            "action_id": TEXT,
            "fingerprint": TEXT,
            "rule": TEXT,
            "status": enum(*HoldStatus.values),
            "scheduled_for": TIME,
        }
    ),
)
SHOWN_SCHEDULED = {
    "action_id": "order-1",
    "fingerprint": "ORD-1001",
    "rule": "schedule-after-hours",
    "status": "pending",
    "scheduled_for": NOW,
}
HOLD_STATUS = query("status", enum(*HoldStatus.values))
extend_schema_view(
    get=operation(
        "What waits for its time or its turn, and what did",
        page("scheduled", SCHEDULED),
        parameters=(*SCOPE, *PAGE, HOLD_STATUS),
        examples={"one": {"scheduled": [SHOWN_SCHEDULED], "count": 1}},
    )
)(views_orders.Scheduled)
extend_schema_view(
    post=operation(
        "Cancel what is scheduled",
        SCHEDULED,
        sends=body(BODY_SCOPE),
        sends_examples={"it": SHOWN_SCOPE},
        errors=(404, 409),
        examples={"cancelled": {**SHOWN_SCHEDULED, "status": "cancelled"}},
    )
)(views_orders.ScheduledCancel)

# Approvals -----------------------------------------------------------------------------------------------------
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
for view, verb, status, outcome, shown in (
    (views_approvals.ApprovalDecision, "Approve", "approved", maybe(OUTCOME), SHOWN_OUTCOMES["Executed"]),
    (views_approvals.Reject, "Reject", "rejected", NULL, None),
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
            answer({"id": UUID, "status": enum(status), "outcome": outcome}),
            parameters=SIGNED,
            errors=(404, 410),
            is_open=True,
            examples={status: {"id": ID, "status": status, "outcome": shown}},
            others=HTML,
        ),
    )(view)

# Replay --------------------------------------------------------------------------------------------------------
REPLAYED = component(
    "Replayed",
    answer(
        {
            "original_action_id": TEXT,
            "new_action_id": maybe(TEXT),
            "success": BOOLEAN,
            "error": maybe(TEXT),
            "outcome": maybe(OUTCOME),
        }
    ),
)
SHOWN_REPLAYED = {
    "original_action_id": "order-1",
    "new_action_id": ID,
    "success": True,
    "error": None,
    "outcome": SHOWN_OUTCOMES["Executed"],
}
extend_schema_view(
    post=operation(
        "Dispatch a stored original again",
        REPLAYED,
        parameters=OPTIONAL_SCOPE,
        sends=body({}, BODY_SCOPE),
        sends_examples={"all it needs": {}},
        errors=(404,),
        examples={"replayed": SHOWN_REPLAYED},
    )
)(views_replay.Replay)
extend_schema_view(
    post=operation(
        "Replay what the filters find",
        answer({"replayed": INTEGER, "failed": INTEGER, "skipped": INTEGER, "results": array(REPLAYED)}),
        parameters=(*SCOPE, *FILTERS[2:], PAGE[0]),
        sends=body({}),
        sends_examples={"all it needs": {}},
        examples={"one": {"replayed": 1, "failed": 0, "skipped": 0, "results": [SHOWN_REPLAYED]}},
    )
)(views_replay.ReplayMany)

# Templates -----------------------------------------------------------------------------------------------------
NAMED = {
    "id": UUID,
    "name": TEXT,
    "namespace": TEXT,
    "tenant": TEXT,
    "description": TEXT,
    "labels": TEXTS,
    "created_at": TIME,
    "updated_at": TIME,
}
TEMPLATE = component("Template", answer({**NAMED, "content": TEXT}))
PROFILE = component("TemplateProfile", answer({**NAMED, "fields": OBJECT}))
SHOWN_NAMED = {
    "id": ID,
    "name": "greeting",
    **SHOWN_SCOPE,
    "description": "",
    "labels": {},
    "created_at": NOW,
    "updated_at": NOW,
}
SHOWN_TEMPLATE = {**SHOWN_NAMED, "content": "Hello {{ name }}"}
SHOWN_PROFILE = {**SHOWN_NAMED, "name": "welcome", "fields": {"body": {"$ref": "greeting"}}}
TEMPLATE_NAME = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": NAME["pattern"]}
SENT: dict[str, Schema] = {"description": maybe(TEXT), "labels": maybe(TEXTS)}
FIELD = {"anyOf": [TEXT, answer({"inline": TEXT}), answer({"$ref": TEXT})]}
FIELDS = {"type": "object", "additionalProperties": FIELD, "minProperties": 1}
KINDS: tuple[Any, ...] = (
    (
        views_templates.Templates,
        views_templates.TemplateDetail,
        ("template", "templates", TEMPLATE, SHOWN_TEMPLATE),
        {"content": TEXT},
        {"body": TEXT},
    ),
    (
        views_templates.Profiles,
        views_templates.ProfileDetail,
        ("profile", "profiles", PROFILE, SHOWN_PROFILE),
        {"fields": FIELDS},
        {},
    ),
)
for list_view, detail_view, (one, many, shape, example), own, alias in KINDS:
    sent = {**SHOWN_SCOPE, "name": example["name"], **{name: example[name] for name in own}}
    extend_schema_view(
        get=operation(
            f"Template {many}" if one == "profile" else "Templates",
            page(many, shape),
            parameters=(*SCOPE, *PAGE),
            examples={"one": {many: [example], "count": 1}},
        ),
        post=operation(
            f"Make a {one}",
            shape,
            status=201,
            sends=body({**BODY_SCOPE, "name": TEMPLATE_NAME}, {**own, **alias, **SENT}),
            sends_examples={one: sent},
            errors=(409,),
            examples={"made": example},
        ),
    )(list_view)
    extend_schema_view(
        get=operation(f"One {one}", shape, errors=(404,), examples={"it": example}),
        put=operation(
            f"Change a {one}",
            shape,
            sends=body({}, {"name": TEMPLATE_NAME, **own, **alias, **SENT}),
            sends_examples={one: {name: example[name] for name in own}},
            errors=(404, 409),
            examples={"changed": example},
        ),
        delete=operation(f"Remove a {one}", None, status=204, errors=(404, 409)),
    )(detail_view)
extend_schema_view(
    post=operation(
        "Render a profile, or a template's text; stores nothing",
        answer({"rendered": {"anyOf": [TEXT, TEXTS]}}),
        sends={
            "anyOf": [
                body({"profile": NAME, **BODY_SCOPE}, {"payload": maybe(OBJECT)}),
                body({"template": TEXT}, {"data": maybe(OBJECT)}),
            ]
        },
        sends_examples={
            "a profile": {"profile": "welcome", **SHOWN_SCOPE, "payload": {"name": "Ada"}},
            "a text": {"template": "Hello {{ name }}", "data": {"name": "Ada"}},
        },
        errors=(404,),
        examples={"a profile": {"rendered": {"body": "Hello Ada"}}, "a text": {"rendered": "Hello Ada"}},
    )
)(views_templates.Render)
