"""Stage 5, Act: hold an action for an approval, for its time, or (throttled on release) for its turn."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from orders_app.models import Hold
from orders_app.pipeline.content import content_hash
from orders_app.pipeline.counting import marks_of
from orders_app.pipeline.gate import turn_reserve
from orders_app.pipeline.gate_state import CONTENT, COUNTED, dedup_gate_key, throttles_of
from orders_app.pipeline.hold_answers import hold_outcome
from orders_app.pipeline.items import Accepted, Decided, Processed, Refused
from orders_app.pipeline.journaling import journal_accepted, journal_outcome
from orders_app.pipeline.notices import approval_notice
from orders_app.pipeline.refunds import refund_reserve
from orders_app.pipeline.rows import UnitOfWork, order_place
from orders_app.pipeline.trials import tried_context
from orders_app.states import HoldKind, OrderStatus
from orders_app.worth import approvers_needed, priced, worth_of
from rules_app.engine import RequestApproval, Rule, Schedule


def action_hold(
    item: Decided, rule: Rule, action: RequestApproval | Schedule, accepted: Accepted, unit: UnitOfWork
) -> Processed:
    """Hold the action as its rule says, and tell an approver where one is named."""
    if isinstance(action, Schedule):
        due = unit.now + timedelta(seconds=action.delay_seconds)
        hold = _hold(item, HoldKind.SCHEDULE, rule, due, accepted, unit)
        return _held(item, hold, accepted, unit)
    due = _next_second(unit.now + timedelta(seconds=action.timeout_seconds))
    hold = _hold(item, HoldKind.APPROVAL, rule, due, accepted, unit)
    hold.message, hold.notify_provider = action.message, action.notify_provider or ""
    lifecycle = item.lifecycle.spec if item.lifecycle else None
    hold.worth, hold.currency = worth_of(priced(item.scrubber.payload or {}, lifecycle))
    hold.approvers = approvers_needed(priced(item.plan.payload, lifecycle), action.second_approver_above)
    return _held(item, hold, accepted, unit)


def _held(item: Decided, hold: Hold, accepted: Accepted, unit: UnitOfWork) -> Processed:
    outcome, notice = hold_outcome(hold), None
    journal_accepted(item, outcome, accepted, unit)
    if hold.kind == HoldKind.APPROVAL:
        unit.rows.journal.event("approval_required", item.subject, approval_id=str(hold.pk))
        notice = approval_notice(item, hold, unit)
    if notice is not None:
        unit.rows.begun.append(notice)
    return Processed(item, outcome, hold=hold, notice=notice)


def action_wait_for_turn(item: Decided, refused: Refused, turn: datetime, unit: UnitOfWork) -> Processed:
    """Throttled on release: reserve the next slot and wait for it. Never dropped, and before any new order."""
    rule = next(rule for rule in throttles_of(item) if rule.name == refused.rule)
    turn_reserve(item, unit.state, turn)
    refund_reserve(item, unit.state.ledgers)
    before = Accepted(passed=tuple(item.passed), counted=marks_of(item))
    hold = _hold(item, HoldKind.TURN, rule, turn, before, unit)
    outcome = hold_outcome(hold)
    details = {"waits_for_turn": True}
    journal_outcome(item, outcome, unit, verdict="throttle", rule=rule.name, details=details)
    return Processed(item, outcome, hold=hold)


def _next_second(due: datetime) -> datetime:
    """Links sign whole seconds, and the approval must not end before the second that they name."""
    return due.replace(microsecond=0) + timedelta(seconds=1) if due.microsecond else due


def _hold(
    item: Decided, kind: HoldKind, rule: Rule, due: datetime, accepted: Accepted, unit: UnitOfWork
) -> Hold:
    """The row of the hold, with its order, and owning the action's dedup key."""
    status = OrderStatus.HELD if kind == HoldKind.APPROVAL else OrderStatus.SCHEDULED
    hold = Hold(
        kind=kind,
        namespace=item.action.namespace,
        tenant=item.action.tenant,
        action_id=item.row_id,
        action_id_text=item.action.id,
        order=order_place(item, status, unit),
        rule=rule.name,
        cleared=item.hold.cleared if item.hold else [],
        passed=list(accepted.passed),
        payload_hash=item.payload_hash,
        context={
            **item.submission.context,
            "caller_role": item.submission.caller.role_in(item.action.namespace).name.lower(),
            CONTENT: content_hash(item.action),
            **_counted(accepted),
            **tried_context(item),
        },
        created_at=unit.now,
        due_at=due,
        next_run_at=due,
    )
    unit.rows.holds.append(hold)
    _own_key(item, hold, unit)
    return hold


def _counted(accepted: Accepted) -> dict[str, Any]:
    """On its release the action does not count itself."""
    return {COUNTED: dict(accepted.counted)} if accepted.counted else {}


def _own_key(item: Decided, hold: Hold, unit: UnitOfWork) -> None:
    """Equal actions of the same set find the hold; later ones find it by the dedup key."""
    unit.state.holds[str(hold.pk)] = hold
    unit.state.originals[hold.action_id] = item.action
    if hold.order_id:
        unit.state.holds[str(hold.order_id)] = hold
    gate = unit.state.gate(dedup_gate_key(item))
    if gate is not None:
        gate.put({**gate.data, "hold": str(hold.pk)}, None)
