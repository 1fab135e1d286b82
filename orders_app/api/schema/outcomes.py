"""Every outcome, with an example."""

from __future__ import annotations

from typing import Any

from acteon_site.http.openapi import (
    BOOLEAN,
    INTEGER,
    NULL,
    OBJECT,
    TEXT,
    TIME,
    UUID,
    Schema,
    answer,
    array,
    component,
    enum,
    maybe,
    one_of,
)
from acteon_site.http.openapi_examples import ID, NOW
from audit_app.records.vocabulary import VERDICTS
from orders_app.services.run_outcomes import CONTRACT_CODES

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
    "ChainStarted": answer(
        {"chain_id": UUID, "chain_name": TEXT, "total_steps": INTEGER, "first_step": TEXT}
    ),
    "Grouped": answer({"group_id": UUID, "group_size": INTEGER, "notify_at": TIME}),
    "CircuitOpen": answer({"provider": TEXT, "fallback_chain": array(TEXT)}),
    "QuotaExceeded": answer({"tenant": TEXT, "limit": INTEGER, "used": INTEGER, "overage_behavior": TEXT}),
    "StateChanged": answer(
        {"fingerprint": TEXT, "previous_state": TEXT, "new_state": TEXT, "notify": BOOLEAN}
    ),
    "Silenced": answer({"silence_id": UUID, "matched_rule": TEXT}),
    "Muted": answer(
        {
            "interval": TEXT,
            "reason": enum("mute_time_interval", "active_time_interval"),
            "matched_rule": TEXT,
        }
    ),
    "DryRun": answer(
        {
            "verdict": enum(*VERDICTS, "silenced", "muted"),
            "matched_rule": maybe(TEXT),
            "would_be_provider": TEXT,
        }
    ),
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
    "Grouped": {"Grouped": {"group_id": ID, "group_size": 2, "notify_at": NOW}},
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
    "Silenced": {"Silenced": {"silence_id": ID, "matched_rule": "newsletters"}},
    "Muted": {"Muted": {"interval": "nights", "reason": "mute_time_interval", "matched_rule": "newsletters"}},
    "DryRun": {
        "DryRun": {
            "verdict": "request_approval",
            "matched_rule": "approve-high-value",
            "would_be_provider": "payment-gateway",
        }
    },
}
