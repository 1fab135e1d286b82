"""The description of the audit trail."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_view

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NAME,
    OBJECT,
    OPTIONAL_SCOPE,
    PAGE,
    SCOPE_NAME,
    TEXT,
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
    query,
)
from audit_app.api import views_audit
from audit_app.records.vocabulary import OUTCOMES, VERDICTS

RECORD_KEYS: dict[str, Schema] = {
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
RECORD = component("AuditRecord", answer(RECORD_KEYS))
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
    query("verdict", enum(*sorted(VERDICTS))),
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
        answer(RECORD_KEYS, {"flush": maybe(RECORD)}),
        text="Of an action that was grouped, `flush` is the record of its group's call, null until that has ended.",
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
extend_schema_view(
    get=operation(
        "What the trail can be relied on for",
        component(
            "ComplianceStatus",
            answer(
                {
                    "mode": enum("none", "soc2", "hipaa"),
                    "sync_audit_writes": BOOLEAN,
                    "immutable_audit": BOOLEAN,
                    "hash_chain": BOOLEAN,
                }
            ),
        ),
        text="The same on every installation: records commit with what they tell of and are chained by hashes, "
        "which show a change; the database itself refuses none.",
        examples={
            "always": {
                "mode": "none",
                "sync_audit_writes": True,
                "immutable_audit": False,
                "hash_chain": True,
            }
        },
    )
)(views_audit.ComplianceStatus)
