"""Collects what a unit of work did and writes it, redacted, in that work's own transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.many_rows import rows_insert_in_order
from acteon_site.base.source import SYSTEM_SOURCE, Source
from acteon_site.base.statements import Row, Writes
from audit_app.models import AuditRecord, Event
from audit_app.redaction import Scrubber
from audit_app.selectors import current_redactor

RELAY_TASK = "audit_app.relay"
HIDDEN_LINK = "[redacted]"
_ANSWER_KEYS = {"status", "body", "headers"}


@dataclass(frozen=True, slots=True)
class Subject:
    """The action that a row or an event is about."""

    namespace: str
    tenant: str
    provider: str = ""
    action_type: str = ""
    action_id: str = ""


class Journal:
    """Audit rows and events of one unit of work. Nothing is stored before `write`."""

    def __init__(self, source: Source = SYSTEM_SOURCE) -> None:
        self.source = source
        self._records: list[Row] = []
        self._events: list[Row] = []

    def audit(
        self,
        subject: Subject,
        *,
        outcome: str,
        verdict: str,
        payload: Mapping[str, Any] | None = None,
        scrubber: Scrubber | None = None,
        matched_rule: str | None = None,
        verdict_details: Mapping[str, Any] | None = None,
        outcome_details: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        chain_id: UUID | str | None = None,
        dispatched_at: datetime | None = None,
        duration_ms: int = 0,
        ruleset_version: int | None = None,
        source: Source | None = None,
    ) -> None:
        """Note one thing that happened. Everything is redacted here; `payload` is the raw one.

        `scrubber` is taken where the caller already has one for this payload (or for the payload that the
        details derive from). `source` is who did it, where that is another than the journal's.
        """
        now, source = timezone.now(), source or self.source
        if scrubber is None:
            scrubber = current_redactor().scrubber(payload)
            shown = scrubber.payload
        else:
            shown = None if payload is None else scrubber.clean(payload)
        self._records.append(
            {
                "action_id": subject.action_id,
                "chain_id": chain_id,
                "namespace": subject.namespace,
                "tenant": subject.tenant,
                "provider": subject.provider,
                "action_type": subject.action_type,
                "verdict": verdict,
                "matched_rule": matched_rule or None,
                "outcome": outcome,
                "action_payload": shown,
                "verdict_details": scrubber.clean(verdict_details or {}),
                "outcome_details": scrubber.clean(outcome_details or {}),
                "metadata": scrubber.clean(metadata or {}),
                "dispatched_at": dispatched_at or now,
                "completed_at": now,
                "duration_ms": duration_ms,
                "caller_id": source.caller_id,
                "auth_method": source.auth_method,
                "ruleset_version": ruleset_version,
                "request_id": source.request_id,
                "caller_address": source.address,
                "caller_agent": scrubber.text(source.agent) if source.agent else "",
            }
        )

    def event(
        self,
        type_: str,
        subject: Subject,
        *,
        chain_id: UUID | str = "",
        group_id: str = "",
        scrubber: Scrubber | None = None,
        **data: Any,
    ) -> None:
        """Note one frame of the stream. Provider answers lose body and headers, links are hidden.

        `group_id` is not in the frame by itself: subscriptions to that group find it by it.
        """
        scrubber = scrubber or current_redactor().scrubber()
        self._events.append(
            {
                "type": type_,
                "namespace": subject.namespace,
                "tenant": subject.tenant,
                "provider": subject.provider,
                "action_type": subject.action_type,
                "action_id": subject.action_id,
                "chain_id": str(chain_id),
                "group_id": group_id,
                "data": scrubber.clean(_public(data)),
                "created_at": timezone.now(),
            }
        )

    def include(self, other: Journal) -> None:
        """Take over what another one has noted, by another source: it is written with this one's."""
        self._records += other._records
        self._events += other._events

    def write(self, writes: Writes | None = None) -> None:
        """Store all of it: one INSERT for the audit rows, one for the events. Inside a transaction.

        With `writes` they are stored when those are executed.
        """
        if not self._records and not self._events:
            return
        records, self._records = self._records, []
        events, self._events = self._events, []
        _leave_out_people(records)
        rows_insert_in_order(AuditRecord, records, writes)
        rows_insert_in_order(Event, events, writes)
        ring_on_commit(RELAY_TASK)


def _leave_out_people(records: list[Row]) -> None:
    """Where no person stands behind any of the rows, as is so of nearly all, they are written without these columns."""
    if not any(row["caller_address"] or row["caller_agent"] for row in records):
        for row in records:
            del row["caller_address"], row["caller_agent"]


def _public(value: Any) -> Any:
    if value is None or isinstance(value, (str, int)):
        return value  # nearly all of them, and to ask whether something is a Mapping costs more than the rest
    if isinstance(value, Mapping):
        if value.keys() >= _ANSWER_KEYS:
            return {**value, "body": None, "headers": {}}
        return {
            key: HIDDEN_LINK if _is_link(key) and inner else _public(inner) for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_public(item) for item in value]
    return value


def _is_link(key: object) -> bool:
    return isinstance(key, str) and key.endswith("_url")
