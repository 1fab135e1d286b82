"""The outcome of an action that was settled by a process that did not live to answer."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from audit_app.models import AuditRecord
from chains_app.models import Run
from chains_app.states import RunKind
from orders_app.models import Action, Hold, Order
from orders_app.outcomes import TRAIL_NAMES, Outcome
from orders_app.pipeline.hold_answers import hold_outcome
from orders_app.services.run_outcomes import single_outcome

TAGS = {name: tag for tag, name in TRAIL_NAMES.items()}


def rebuilt_outcomes(action_ids: Sequence[str]) -> list[Outcome]:
    """In the order given. Read from what the transaction left: a hold, a run, or the audit row."""
    actions = {str(row.pk): row for row in Action.objects.filter(pk__in=action_ids)}
    return [_outcome(actions[action_id]) for action_id in action_ids]


def _outcome(action: Action) -> Outcome:
    hold = Hold.objects.filter(action=action).order_by("created_at").first()
    if hold is not None:
        return hold_outcome(hold)
    run = _run(action.pk)
    if run is not None and run.kind == RunKind.SINGLE:
        return single_outcome(run)
    record = (
        AuditRecord.objects.filter(
            action_id=action.action_id,
            namespace=action.namespace,
            tenant=action.tenant,
            dispatched_at__gte=action.received_at,
        )
        .exclude(verdict="chain")
        .order_by("dispatched_at")
        .first()
    )
    if record is None:
        raise LookupError(f"action {action.pk} left no trail")
    details = dict(record.outcome_details)
    return Outcome(TAGS[record.outcome], details, record.verdict_details.get("dedup_reason", ""))


def _run(action_id: UUID) -> Run | None:
    order = Order.objects.filter(action_id=action_id).first()
    owner = ("order", order.pk) if order else ("action", action_id)
    return Run.objects.filter(owner_kind=owner[0], owner_id=owner[1]).order_by("started_at").first()
