"""Rows as the contract spells them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from acteon_site.base.clock_text import rfc3339, rfc3339_or_none
from audit_app.models import AuditRecord, RetentionPolicy
from audit_app.services.verify import Verification


def record_shape(record: AuditRecord, expires_at: datetime | None) -> dict[str, Any]:
    return {
        "id": str(record.pk),
        "action_id": record.action_id,
        "chain_id": str(record.chain_id) if record.chain_id else None,
        "namespace": record.namespace,
        "tenant": record.tenant,
        "provider": record.provider,
        "action_type": record.action_type,
        "verdict": record.verdict,
        "matched_rule": record.matched_rule,
        "outcome": record.outcome,
        "action_payload": record.action_payload,
        "payload": record.action_payload,
        "verdict_details": record.verdict_details,
        "outcome_details": record.outcome_details,
        "metadata": record.metadata,
        "dispatched_at": rfc3339(record.dispatched_at),
        "completed_at": rfc3339(record.completed_at),
        "duration_ms": record.duration_ms,
        "expires_at": rfc3339_or_none(expires_at),
        "caller_id": record.caller_id,
        "auth_method": record.auth_method,
        "ruleset_version": record.ruleset_version,
        "request_id": record.request_id,
        "record_hash": record.record_hash,
        "previous_hash": record.previous_hash,
        "sequence_number": record.sequence_number,
    }


def verification_shape(result: Verification) -> dict[str, Any]:
    found = {
        "first_broken_at": result.first_broken_at,
        "first_record_id": result.first_record_id,
        "last_record_id": result.last_record_id,
    }
    return {
        "valid": result.valid,
        "records_checked": result.records_checked,
        "unsealed_records": result.unsealed,
        **{name: value for name, value in found.items() if value is not None},
    }


def policy_shape(policy: RetentionPolicy) -> dict[str, Any]:
    return {
        "id": str(policy.pk),
        "namespace": policy.namespace,
        "tenant": policy.tenant,
        "enabled": policy.enabled,
        "audit_ttl_seconds": policy.audit_ttl_seconds,
        "state_ttl_seconds": policy.state_ttl_seconds,
        "event_ttl_seconds": policy.event_ttl_seconds,
        "compliance_hold": policy.compliance_hold,
        "created_at": rfc3339(policy.created_at),
        "updated_at": rfc3339(policy.updated_at),
        "description": policy.description,
        "labels": policy.labels,
    }
