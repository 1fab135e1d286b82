"""The description of quotas."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE_NAME,
    TEXT,
    TEXTS,
    TIME,
    UUID,
    answer,
    body,
    component,
    enum,
    maybe,
    operation,
    page,
    query,
)
from rules_app.api import views_quotas

QUOTA = component(
    "Quota",
    answer(
        {
            "id": UUID,
            "namespace": TEXT,
            "tenant": TEXT,
            "provider": maybe(TEXT),
            "principal": maybe(TEXT),
            "per_principal": BOOLEAN,
            "max_actions": INTEGER,
            "window": TEXT,
            "overage_behavior": TEXT,
            "enabled": BOOLEAN,
            "created_at": TIME,
            "updated_at": TIME,
            "description": TEXT,
            "labels": TEXTS,
        }
    ),
)
WINDOW = {
    "anyOf": [
        enum("hourly", "daily", "weekly", "monthly"),
        {"type": "integer", "minimum": 1, "maximum": 31_622_400},
        {"type": "string", "pattern": "^[1-9][0-9]{0,6}$"},
        body({"custom": body({"seconds": {"type": "integer", "minimum": 1, "maximum": 31_622_400}})}),
    ]
}
OVERAGE = {
    "anyOf": [
        enum("block", "warn"),
        {"type": "string", "pattern": "^(degrade|notify):[a-z]{1,20}$"},
        answer({"degrade": body({"fallback_provider": SCOPE_NAME})}),
        answer({"notify": body({"target": SCOPE_NAME})}),
    ]
}
TERMS: dict[str, Any] = {
    "max_actions": {"type": "integer", "minimum": 1, "maximum": 1_000_000_000},
    "window": WINDOW,
    "overage_behavior": OVERAGE,
}
MORE: dict[str, Any] = {
    "provider": maybe(SCOPE_NAME),
    "principal": maybe(NAME),
    "per_principal": BOOLEAN,
    "enabled": BOOLEAN,
    "description": TEXT,
    "labels": TEXTS,
}
SHOWN_QUOTA: dict[str, Any] = {
    "id": "01a20300-0000-7000-8000-000000000001",
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "provider": None,
    "principal": None,
    "per_principal": False,
    "max_actions": 200,
    "window": "hourly",
    "overage_behavior": "degrade:compliance-queue",
    "enabled": True,
    "created_at": "2026-03-10T15:00:00.000Z",
    "updated_at": "2026-03-10T15:00:00.000Z",
    "description": "",
    "labels": {},
}
SENT_QUOTA: dict[str, Any] = {
    "namespace": "ecommerce",
    "tenant": "acme-store",
    "max_actions": 200,
    "window": "hourly",
    "overage_behavior": {"degrade": {"fallback_provider": "compliance-queue"}},
}
extend_schema_view(
    get=operation(
        "Quotas",
        page("quotas", QUOTA),
        parameters=(
            *OPTIONAL_SCOPE,
            *PAGE,
            query("provider", TEXT, "Exactly; empty: quotas of all providers"),
            query("principal", TEXT, "Exactly; empty: quotas of all callers"),
        ),
        examples={"one": {"quotas": [SHOWN_QUOTA], "count": 1}},
    ),
    post=operation(
        "Make a quota",
        QUOTA,
        status=201,
        sends=body({"namespace": SCOPE_NAME, "tenant": SCOPE_NAME, **TERMS}, MORE),
        sends_examples={"hourly": SENT_QUOTA},
        examples={"made": SHOWN_QUOTA},
        errors=(409,),
    ),
)(views_quotas.QuotaList)
extend_schema_view(
    get=operation("One quota", QUOTA, parameters=OPTIONAL_SCOPE, errors=(404,), examples={"it": SHOWN_QUOTA}),
    put=operation(
        "Change what the body names",
        QUOTA,
        parameters=OPTIONAL_SCOPE,
        sends=body({}, {**TERMS, **MORE}),
        sends_examples={"more": {"max_actions": 500}},
        errors=(404, 409),
        examples={"changed": SHOWN_QUOTA},
    ),
    delete=operation("Remove a quota", None, status=204, parameters=OPTIONAL_SCOPE, errors=(404,)),
)(views_quotas.QuotaDetail)
extend_schema_view(
    get=operation(
        "How far a quota is used",
        component(
            "QuotaUsage",
            answer(
                {
                    "tenant": TEXT,
                    "namespace": TEXT,
                    "used": INTEGER,
                    "limit": INTEGER,
                    "remaining": INTEGER,
                    "window": TEXT,
                    "resets_at": TIME,
                    "overage_behavior": TEXT,
                }
            ),
        ),
        parameters=(*OPTIONAL_SCOPE, query("principal", NAME, "Whose use, where it counts per caller")),
        errors=(404,),
        examples={
            "half": {
                "tenant": "acme-store",
                "namespace": "ecommerce",
                "used": 100,
                "limit": 200,
                "remaining": 100,
                "window": "hourly",
                "resets_at": "2026-03-10T16:00:00.000Z",
                "overage_behavior": "block",
            }
        },
    )
)(views_quotas.QuotaUsage)
