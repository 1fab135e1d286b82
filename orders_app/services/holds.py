"""How a hold ends without anybody deciding: expired, cancelled. Exactly one of all ends and decisions wins.

Each is one compare-and-swap on the hold's status, with its expiry inside; everything else follows in the
same transaction (lock order: hold, order, gate rows).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError, conflict, not_found
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import SYSTEM_SOURCE, Source
from audit_app.selectors import current_redactor
from audit_app.services.journal import Journal, Subject
from orders_app.contract.actions import stored_action
from orders_app.models import Hold, Order
from orders_app.services.dedup_keys import dedup_key_free_of_hold
from orders_app.services.ledger import refund_release
from orders_app.states import HoldKind, HoldStatus, OrderStatus
from rules_app.engine import Throttle
from rules_app.engine.counters import micros
from rules_app.selectors import current_rules
from rules_app.services.gates import gates_lock, gates_write, slots_put, slots_without, throttle_key

ORDER_STATUS = {
    HoldStatus.REJECTED: OrderStatus.REJECTED,
    HoldStatus.EXPIRED: OrderStatus.EXPIRED,
    HoldStatus.CANCELLED: OrderStatus.CANCELLED,
}
AUDIT_OF_APPROVAL = {
    HoldStatus.APPROVED: "approval_approved",
    HoldStatus.REJECTED: "approval_rejected",
    HoldStatus.EXPIRED: "approval_expired",
    HoldStatus.CANCELLED: "approval_rejected",
}
# As events call what waits for its time or its turn, be it an order or not.
SCHEDULE = "schedule"


def already_decided() -> AppError:
    return AppError("this approval was decided already", "ALREADY_DECIDED", 410)


@retry_on_deadlock
def approval_expire(*, hold_id: UUID) -> bool:
    """Nobody decided in time. False where somebody did, or has taken a decision that is not in effect yet."""
    with transaction.atomic():
        now = db_now()
        overdue = Hold.objects.filter(
            pk=hold_id, kind=HoldKind.APPROVAL, status=HoldStatus.PENDING, due_at__lte=now, taken=""
        )
        if not overdue.update(status=HoldStatus.EXPIRED, decided_at=now, next_run_at=None, ended_at=now):
            return False
        hold = Hold.objects.select_related("action").get(pk=hold_id)
        journal = Journal(SYSTEM_SOURCE)
        journal_decision(journal, hold, "expiry")
        hold_order_end(hold, "nobody decided in time", now)
        journal.write()
    return True


@retry_on_deadlock
def hold_cancel(*, hold_id: UUID, actor: str, source: Source, reason: str = "") -> Hold:
    """Cancel what waits, whatever it waits for. Raises 404, or 409 where it waits no longer."""
    with transaction.atomic():
        now = db_now()
        waiting = Hold.objects.filter(pk=hold_id, status=HoldStatus.PENDING, taken="")
        won = waiting.update(
            status=HoldStatus.CANCELLED, decided_at=now, decided_by=actor, next_run_at=None, ended_at=now
        )
        hold = Hold.objects.select_related("action", "order").filter(pk=hold_id).first()
        if hold is None:
            raise not_found("nothing with this id waits here")
        if not won and hold.taken:
            raise conflict("somebody has decided it, in effect within seconds", "NOT_WAITING")
        if not won:
            raise conflict(f"it is {hold.status} already", "NOT_WAITING")
        journal = Journal(source)
        reason = hold_clean(hold, reason)
        _journal_cancel(journal, hold, actor, reason)
        hold_order_end(hold, reason or f"cancelled by {actor}", now)
        _free_slot(hold)
        journal.write()
    return hold


def hold_subject(hold: Hold) -> Subject:
    action = hold.action
    return Subject(hold.namespace, hold.tenant, action.provider, action.action_type, hold.action_id_text)


def hold_clean(hold: Hold, reason: str) -> str:
    """What a person typed, without the order's redacted values."""
    action = stored_action(hold.action.body)
    return current_redactor().scrubber(action.payload, action.tainted).text(reason) if reason else ""


def journal_decision(journal: Journal, hold: Hold, actor: str, **notes: str) -> None:
    """`notes` are why, and who else had a part in it; empty ones are left out."""
    subject, status = hold_subject(hold), HoldStatus(hold.status)
    details: dict[str, Any] = {"approval_id": str(hold.pk), "decided_by": actor}
    if hold.decided_at:
        details["waited_ms"] = round((hold.decided_at - hold.created_at).total_seconds() * 1000)
    details |= {name: text for name, text in notes.items() if text}
    journal.audit(
        subject,
        outcome=AUDIT_OF_APPROVAL[status],
        verdict="request_approval",
        matched_rule=hold.rule,
        outcome_details=details,
    )
    journal.event("approval_resolved", subject, approval_id=str(hold.pk), decision=status.value)


def journal_change(hold: Hold, source: Source, details: Mapping[str, Any]) -> None:
    """What happened to an approval on the way to its decision."""
    journal = Journal(source)
    journal.audit(
        hold_subject(hold),
        outcome="state_changed",
        verdict="request_approval",
        matched_rule=hold.rule,
        outcome_details={"approval_id": str(hold.pk), **details},
    )
    journal.write()


def _journal_cancel(journal: Journal, hold: Hold, actor: str, reason: str) -> None:
    if hold.kind == HoldKind.APPROVAL:
        journal_decision(journal, hold, actor, reason=reason)
        return
    subject, details = hold_subject(hold), {"cancelled_by": actor, "reason": reason}
    journal.audit(
        subject,
        outcome="schedule_cancelled",
        verdict="schedule",
        matched_rule=hold.rule,
        outcome_details=details,
    )
    # Not by the lifecycle's name, which has no such states; `ends` tells it from a state of that name.
    journal.event(
        "action_status_changed",
        subject,
        fingerprint=hold.order_name,
        state_machine=SCHEDULE,
        previous_status=OrderStatus.SCHEDULED.value,
        new_status=OrderStatus.CANCELLED.value,
        ends=True,
    )


def hold_order_end(hold: Hold, reason: str, now: datetime) -> None:
    """The order, if there is one, ends as its hold did; its names are free again."""
    if hold.order_id:
        Order.objects.filter(pk=hold.order_id).update(
            status=ORDER_STATUS[HoldStatus(hold.status)],
            living=False,
            reason=reason,
            updated_at=now,
            finished_at=now,
            timeout_at=None,
        )
        refund_release(hold.order_id)
    dedup_key_free_of_hold(hold)


def _free_slot(hold: Hold) -> None:
    """The slots that a cancelled order had reserved for its turn are for others again."""
    if hold.kind != HoldKind.TURN:
        return
    throttles = {rule.name for rule in current_rules().rules if isinstance(rule.action, Throttle)}
    action_type = hold.action.action_type
    keys = [throttle_key(hold.namespace, hold.tenant, name, action_type) for name in throttles | {hold.rule}]
    gates, _ = gates_lock(keys)
    slot = micros(hold.due_at)
    reserved = [gate for gate in gates.values() if slot in gate.data.get("slots", ())]
    for gate in reserved:
        slots_put(gate, *slots_without(gate, slot), gate.expires_at)
    gates_write(reserved)
