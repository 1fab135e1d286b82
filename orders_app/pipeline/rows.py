"""Stage 5, the rows: what accepted, held and refused actions leave behind, each table written once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from acteon_site.base.clock_text import rfc3339
from audit_app.services.journal import Journal
from chains_app.models import Run
from chains_app.services.runs import runs_insert
from orders_app.models import Action as ActionRow
from orders_app.models import Hold, Order
from orders_app.outcomes import Outcome
from orders_app.pipeline.items import Decided, Submission

ORDER_FIELDS = ["status", "run_id", "reason", "living", "updated_at", "finished_at", "timeout_at"]


@dataclass(slots=True)
class Rows:
    """Everything that one transaction will write."""

    journal: Journal
    actions: list[ActionRow] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    changed_orders: list[Order] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def write(self) -> None:
        if self.actions:
            ActionRow.objects.bulk_create(self.actions)
        if self.orders:
            Order.objects.bulk_create(self.orders)
        for order in self.changed_orders:
            order.save(update_fields=ORDER_FIELDS)
        if self.holds:
            Hold.objects.bulk_create(self.holds)
        if self.runs:
            runs_insert(self.runs)
        self.journal.write()


def action_row(item: Decided, now: datetime, replay_of: str = "") -> ActionRow:
    act = item.action
    return ActionRow(
        pk=item.row_id,
        namespace=act.namespace,
        tenant=act.tenant,
        provider=act.provider,
        action_type=act.action_type,
        action_id=act.id,
        body=act.stored(),
        received_at=now,
        replay_of=replay_of,
    )


def order_row(item: Decided, status: str, now: datetime) -> Order | None:
    """The order of this action in its new status: a new one, or on a release the one that waited."""
    if item.order is not None:
        item.order.status, item.order.updated_at = status, now
        return item.order
    if item.lifecycle is None:
        return None
    spec = item.lifecycle.spec
    timeout = spec.timeout_of(spec.initial)
    return Order(
        namespace=item.action.namespace,
        tenant=item.action.tenant,
        provider=item.action.provider,
        action_type=item.action.action_type,
        fingerprint=item.fingerprint,
        action_id=item.row_id,
        action_id_text=item.action.id,
        lifecycle_id=item.lifecycle.pk,
        state=spec.initial,
        status=status,
        timeout_at=now + timedelta(seconds=timeout.after_seconds) if timeout else None,
        created_at=now,
        updated_at=now,
    )


def journal_outcome(
    journal: Journal,
    item: Decided,
    outcome: Outcome,
    submission: Submission,
    *,
    verdict: str,
    rule: str | None,
    details: Mapping[str, Any],
    chain_id: object = None,
) -> None:
    """The dispatch's (or the release's) audit row and its live event."""
    verdict_details = {**details, **verdict_notes(item)}
    if outcome.dedup_reason:
        verdict_details["dedup_reason"] = outcome.dedup_reason
    journal.audit(
        item.subject,
        outcome=outcome.trail_name,
        verdict=verdict,
        matched_rule=rule,
        payload=item.plan.payload,
        scrubber=item.scrubber,
        verdict_details=verdict_details,
        outcome_details=outcome_notes(outcome),
        metadata=item.action.metadata,
        chain_id=str(chain_id) if chain_id else None,
        dispatched_at=submission.received_at,
        ruleset_version=item.ruleset_version,
    )
    journal.event(
        "action_dispatched",
        item.subject,
        scrubber=item.scrubber,
        chain_id=str(chain_id) if chain_id else "",
        outcome=outcome.wire(),
        provider=item.action.provider,
    )


def verdict_notes(item: Decided) -> dict[str, Any]:
    """Which gates and changes the rules added to the verdict, and by which clock."""
    notes: dict[str, Any] = {}
    if item.plan.gates:
        notes["gates"] = [rule.name for rule in item.plan.gates]
    if item.plan.modified_by:
        notes["modified_by"] = list(item.plan.modified_by)
    if item.hold is not None:
        notes["release"] = item.hold.rule
    return notes


def outcome_notes(outcome: Outcome) -> dict[str, Any]:
    """The outcome for the trail: without links, which would let a reader of the trail decide."""
    return {name: value for name, value in outcome.content.items() if not name.endswith("_url")}


def demo_note(submission: Submission) -> dict[str, str]:
    return {"demo_now": rfc3339(submission.demo_now)} if submission.demo_now else {}
