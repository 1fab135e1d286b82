"""The description of retention policies."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE_NAME,
    TEXT,
    TEXTS,
    TIME,
    UUID,
    Schema,
    answer,
    body,
    component,
    maybe,
    operation,
    page,
)
from acteon_site.http.openapi_examples import SHOWN_SCOPE
from audit_app.api import views_retention

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
