"""The description of the trail's endpoints and of the streams."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view

from acteon_site.openapi import (
    BOOLEAN,
    ERROR,
    INTEGER,
    MEANING,
    NAME,
    OBJECT,
    OPTIONAL_SCOPE,
    PAGE,
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
    maybe,
    operation,
    page,
    query,
)
from audit_app.api import views_audit, views_retention
from audit_app.counting import OUTCOMES
from audit_app.stream.filters import EVENT_TYPES, STREAM_OUTCOMES

VERDICTS = (
    *[
        "allow",
        "deny",
        "suppress",
        "deduplicate",
        "throttle",
        "modify",
        "reroute",
        "request_approval",
        "schedule",
        "chain",
    ],
    *["state_machine", "group"],
)
RECORD = component(
    "AuditRecord",
    answer(
        {
            "id": UUID,
            "action_id": TEXT,
            "chain_id": maybe(UUID),
            "namespace": TEXT,
            "tenant": TEXT,
            "provider": TEXT,
            "action_type": TEXT,
            "verdict": enum(*VERDICTS),
            "matched_rule": maybe(TEXT),
            "outcome": enum(*sorted(OUTCOMES)),
            "action_payload": maybe(OBJECT),
            "payload": maybe(OBJECT),
            "verdict_details": OBJECT,
            "outcome_details": OBJECT,
            "metadata": OBJECT,
            "dispatched_at": TIME,
            "completed_at": TIME,
            "duration_ms": INTEGER,
            "expires_at": maybe(TIME),
            "caller_id": TEXT,
            "auth_method": TEXT,
            "ruleset_version": maybe(INTEGER),
            "request_id": TEXT,
            "record_hash": maybe(TEXT),
            "previous_hash": maybe(TEXT),
            "sequence_number": maybe(INTEGER),
        }
    ),
)
SHOWN_RECORD = {
    "id": "01a20300-0000-7000-8000-000000000001",
    "action_id": "order-1",
    "chain_id": "01a20300-0000-7000-8000-000000000002",
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "provider": "payment-gateway",
    "action_type": "place_order",
    "verdict": "allow",
    "matched_rule": None,
    "outcome": "executed",
    "action_payload": {"order_id": "order-1", "card_last4": "[REDACTED]"},
    "payload": {"order_id": "order-1", "card_last4": "[REDACTED]"},
    "verdict_details": {},
    "outcome_details": {},
    "metadata": {},
    "dispatched_at": "2026-03-10T15:00:00.000Z",
    "completed_at": "2026-03-10T15:00:00.012Z",
    "duration_ms": 12,
    "expires_at": None,
    "caller_id": "key:storefront",
    "auth_method": "api_key",
    "ruleset_version": 3,
    "request_id": "01a20300-0000-7000-8000-000000000003",
    "record_hash": "9f2c…",
    "previous_hash": "77aa…",
    "sequence_number": 12,
}
FILTERS = (
    *OPTIONAL_SCOPE,
    *(query(name, NAME) for name in ("provider", "action_type", "matched_rule", "caller_id")),
    query("outcome", enum(*sorted(OUTCOMES))),
    query("verdict", TEXT),
    query("chain_id", UUID),
    query("from", TIME, "On dispatched_at"),
    query("to", TIME, "On dispatched_at"),
)
extend_schema_view(
    get=operation(
        "The trail, newest first",
        answer(
            {"records": array(RECORD), "limit": INTEGER, "offset": INTEGER},
            {"total": INTEGER, "next_cursor": TEXT},
        ),
        text="`total` is exact up to 10,000 matches and left out above, or where a cursor was given.",
        parameters=(*FILTERS, *PAGE, query("cursor", TEXT, "The next_cursor of an earlier page")),
        examples={"a page": {"records": [SHOWN_RECORD], "limit": 50, "offset": 0, "total": 1}},
    )
)(views_audit.AuditList)
extend_schema_view(
    get=operation(
        "The newest dispatch or release outcome of an action",
        RECORD,
        errors=(404,),
        examples={"executed": SHOWN_RECORD},
    )
)(views_audit.AuditDetail)
SPAN = {"from": maybe(TIME), "to": maybe(TIME)}
extend_schema_view(
    post=operation(
        "Verify a tenant's hash chain",
        component(
            "Verification",
            answer(
                {"valid": BOOLEAN, "records_checked": INTEGER, "unsealed_records": INTEGER},
                {"first_broken_at": TEXT, "first_record_id": UUID, "last_record_id": UUID},
            ),
        ),
        sends={
            "anyOf": [
                body({"namespace": SCOPE_NAME, "tenant": SCOPE_NAME}, SPAN),
                body({"namespace": {"const": ""}, "tenant": {"const": ""}}, SPAN),
            ]
        },
        sends_examples={
            "all": {"namespace": "ecommerce", "tenant": "acme-store"},
            "of no tenant": {"namespace": "", "tenant": ""},
        },
        text="With both names empty: the trail of what belongs to no tenant, which needs a key of scope `*`.",
        examples={"valid": {"valid": True, "records_checked": 120, "unsealed_records": 0}},
    )
)(views_audit.AuditVerify)

# Retention -----------------------------------------------------------------------------------------------------
TTL: Schema = maybe({"type": "integer", "minimum": 1, "maximum": 3_162_240_000})
SETTINGS = {
    "enabled": BOOLEAN,
    "audit_ttl_seconds": TTL,
    "state_ttl_seconds": TTL,
    "event_ttl_seconds": TTL,
    "compliance_hold": BOOLEAN,
    "description": TEXT,
    "labels": TEXTS,
}
POLICY = component(
    "RetentionPolicy",
    answer(
        {"id": UUID, "namespace": TEXT, "tenant": TEXT, **SETTINGS, "created_at": TIME, "updated_at": TIME}
    ),
)
SHOWN_POLICY = {
    "id": "01a20300-0000-7000-8000-000000000001",
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "enabled": True,
    "audit_ttl_seconds": 31536000,
    "state_ttl_seconds": None,
    "event_ttl_seconds": 2592000,
    "compliance_hold": False,
    "description": "",
    "labels": {},
    "created_at": "2026-03-10T15:00:00.000Z",
    "updated_at": "2026-03-10T15:00:00.000Z",
}
SHOWN_SCOPE = {"namespace": "ecommerce", "tenant": "acme-store"}
extend_schema_view(
    get=operation(
        "Retention policies",
        page("policies", POLICY),
        parameters=(*OPTIONAL_SCOPE, *PAGE),
        examples={"one": {"policies": [SHOWN_POLICY], "count": 1}},
    ),
    post=operation(
        "Make a retention policy",
        POLICY,
        status=201,
        sends=body({"namespace": SCOPE_NAME, "tenant": SCOPE_NAME}, SETTINGS),
        sends_examples={"a year": {**SHOWN_SCOPE, "audit_ttl_seconds": 31536000}},
        examples={"made": SHOWN_POLICY},
        errors=(409,),
    ),
)(views_retention.RetentionList)
extend_schema_view(
    get=operation(
        "One retention policy",
        POLICY,
        parameters=OPTIONAL_SCOPE,
        errors=(404,),
        examples={"it": SHOWN_POLICY},
    ),
    put=operation(
        "Change a retention policy; null clears a TTL",
        POLICY,
        parameters=OPTIONAL_SCOPE,
        sends=body({}, SETTINGS),
        sends_examples={"clear": {"event_ttl_seconds": None}},
        errors=(404,),
        examples={"changed": SHOWN_POLICY},
    ),
    delete=operation("Remove a retention policy", None, status=204, parameters=OPTIONAL_SCOPE, errors=(404,)),
)(views_retention.RetentionDetail)

# Streams -------------------------------------------------------------------------------------------------------
component(
    "StreamEvent",
    {
        "type": "object",
        "description": "The `data` of a frame; further keys by type",
        "properties": {
            "id": TEXT,
            "timestamp": TIME,
            "type": enum(*EVENT_TYPES, "subscription_end"),
            "namespace": TEXT,
            "tenant": TEXT,
            "action_type": TEXT,
            "action_id": TEXT,
            "chain_id": TEXT,
        },
        "required": ["id", "timestamp", "type", "namespace", "tenant"],
    },
)
FRAMES = """id: 7
event: action_dispatched
data: {"id":"7","timestamp":"2026-03-10T15:00:00.000Z","type":"action_dispatched","namespace":"ecommerce",\
"tenant":"acme-store","action_type":"place_order","action_id":"order-1","provider":"payment-gateway",\
"outcome":{"Executed":{"status":"success","body":null,"headers":{}}}}

: ping

"""


def _parameter(name: str, place: str, schema: Schema, text: str = "") -> dict[str, Any]:
    return {"name": name, "in": place, "schema": schema, "required": place == "path"} | (
        {"description": text} if text else {}
    )


def _listening(
    summary: str, text: str, parameters: list[dict[str, Any]], errors: tuple[int, ...]
) -> dict[str, Any]:
    refusals = {
        str(status): {
            "description": MEANING[status][1],
            "content": {"application/json": {"schema": ERROR}},
            **({"headers": {"Retry-After": {"schema": INTEGER}}} if status in (429, 503) else {}),
        }
        for status in errors
    }
    frames = {"text/event-stream": {"schema": TEXT, "example": FRAMES}}
    return {
        "get": {
            "operationId": "get_" + summary.split(":")[0].lower().replace(" ", "_"),
            "summary": summary,
            "description": text,
            "tags": ["stream"],
            "security": [{"bearer": []}, {"apiKey": []}],
            "parameters": parameters,
            "responses": {"200": {"description": "Frames, for as long as both sides want", "content": frames}}
            | refusals,
        }
    }


_RESUME = _parameter("Last-Event-ID", "header", TEXT, "Go on after this event, without loss or repeat")
_FILTERS = ("namespace", "tenant", "action_type", "chain_id", "action_id")
# The views are asynchronous and none of DRF's, so they are described by hand.
STREAM_PATHS: dict[str, Any] = {
    "/v1/stream": _listening(
        "Stream: events as they happen",
        "Server-sent events. `data` is a StreamEvent. A comment every 15 s. `lagged` tells of lost events.",
        [
            *(_parameter(name, "query", TEXT) for name in _FILTERS),
            _parameter("outcome", "query", enum(*STREAM_OUTCOMES)),
            _parameter("event_type", "query", enum(*EVENT_TYPES)),
            _RESUME,
        ],
        (400, 401, 429, 503),
    ),
    "/v1/subscribe/{kind}/{key}": _listening(
        "Subscribe: one chain or action to its end",
        "As /v1/stream, until `subscription_end` tells that the chain or action is finished.",
        [
            _parameter("kind", "path", enum("chain", "action")),
            _parameter("key", "path", TEXT),
            _parameter("namespace", "query", TEXT),
            _parameter("tenant", "query", TEXT),
            _parameter("include_history", "query", enum("true", "false", "1", "0")),
            _RESUME,
        ],
        (400, 401, 404, 429, 503),
    ),
}
