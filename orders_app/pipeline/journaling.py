"""The audit row and the live event of an outcome: of a dispatch, or of a release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from acteon_site.base.clock_text import rfc3339
from acteon_site.base.tracing import trace_in
from orders_app.contract.outcomes import Outcome
from orders_app.pipeline.items import Accepted, Decided, Refused
from orders_app.pipeline.muting import muting_notes
from orders_app.pipeline.rows import UnitOfWork
from rules_app.engine.scope import MISSING


def journal_refused(item: Decided, refused: Refused, unit: UnitOfWork) -> None:
    journal_outcome(
        item, refused.outcome, unit, verdict=refused.verdict, rule=refused.rule, details=refused.details
    )


def journal_accepted(
    item: Decided, outcome: Outcome, accepted: Accepted, unit: UnitOfWork, *, chain_id: UUID | None = None
) -> None:
    journal_outcome(
        item,
        outcome,
        unit,
        verdict=item.plan.verdict,
        rule=item.rule_name,
        details=quota_notes(accepted),
        chain_id=chain_id,
    )


def journal_outcome(
    item: Decided,
    outcome: Outcome,
    unit: UnitOfWork,
    *,
    verdict: str,
    rule: str | None,
    details: Mapping[str, Any],
    chain_id: UUID | None = None,
) -> None:
    verdict_details = {**details, **verdict_notes(item)}
    if outcome.dedup_reason:
        verdict_details["dedup_reason"] = outcome.dedup_reason
    unit.rows.journal.audit(
        item.subject,
        outcome=outcome.trail_name,
        verdict=verdict,
        matched_rule=rule,
        payload=item.plan.payload,
        scrubber=item.scrubber,
        verdict_details=verdict_details,
        outcome_details=outcome_notes(outcome),
        metadata=trail_metadata(item.action.metadata, item.action.extras),
        chain_id=str(chain_id) if chain_id else None,
        dispatched_at=item.submission.received_at,
        ruleset_version=item.ruleset_version,
        source=item.submission.source,
    )
    unit.rows.journal.event(
        "action_dispatched",
        item.subject,
        scrubber=item.scrubber,
        chain_id=chain_id or "",
        group_id=outcome.content.get("group_id", ""),
        outcome=outcome.wire(),
        provider=item.action.provider,
    )


def trail_metadata(metadata: Mapping[str, str], extras: Mapping[str, Any] | None) -> Mapping[str, str]:
    """The action's labels, and the trace that it belongs to."""
    return {**metadata, **trace} if extras and (trace := trace_in(extras)) else metadata


def verdict_notes(item: Decided) -> dict[str, Any]:
    """Which gates and changes the rules added to the verdict, by which clock, and what counters said."""
    notes: dict[str, Any] = {}
    if item.submission.demo_now:
        notes["demo_now"] = rfc3339(item.submission.demo_now)
    if item.plan.gates:
        notes["gates"] = [rule.name for rule in item.plan.gates]
    if item.plan.modified_by:
        notes["modified_by"] = list(item.plan.modified_by)
    if item.lists_version is not None:
        notes["lists_version"] = item.lists_version
    if item.counts.values:
        found = item.counts.values.items()
        notes["counters"] = {name: value for name, value in found if value is not MISSING}
    if item.asked_role:
        notes["caller_role"] = item.asked_role
    if item.counts.order:
        notes["order"] = dict(item.counts.order)
    if item.hold is not None:
        notes["release"] = item.hold.rule
    elif item.muting is not None:
        notes |= muting_notes(item.muting)
    return notes


def quota_notes(accepted: Accepted) -> dict[str, Any]:
    """The first quota that the action exceeds without being blocked, and what the others do."""
    if not accepted.over_quota:
        return {}
    over, *others = accepted.over_quota
    also = {"also": [quota.overage for quota in others]} if others else {}
    return {"quota": {"quota_id": str(over.id), "overage": over.overage, "limit": over.max_actions, **also}}


def outcome_notes(outcome: Outcome) -> dict[str, Any]:
    """The outcome for the trail: without links, which would let a reader of the trail decide."""
    return {name: value for name, value in outcome.content.items() if not name.endswith("_url")}
