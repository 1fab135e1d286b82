"""Releasing what was held: the rules as they are now decide again, and nothing is lost on the way.

A cleared rule is not asked again, a passed gate not paid again. What cannot be decided stays held and is tried
again; what is throttled waits for its reserved turn; what is refused is rejected, naming the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError
from acteon_site.base.principals import Principal, Role
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import SYSTEM_SOURCE, Source
from audit_app.services.journal import Journal
from orders_app.contract.actions import Action, stored_action
from orders_app.contract.approval_links import APPROVE
from orders_app.contract.outcomes import Outcome, stored_outcome
from orders_app.models import Hold, Order
from orders_app.pipeline.act import action_act
from orders_app.pipeline.decide import action_decide
from orders_app.pipeline.dispatch import outcomes_after_calls
from orders_app.pipeline.gate import action_gate
from orders_app.pipeline.gate_state import gate_state_lock
from orders_app.pipeline.holding import action_wait_for_turn
from orders_app.pipeline.items import Decided, GateResult, Processed, Refused, Submission
from orders_app.pipeline.rows import UnitOfWork, order_place, unit_of_work
from orders_app.services.dedup_keys import dedup_key_free_of_hold
from orders_app.services.holds import approval_approve, approval_expire, approval_reject, hold_subject
from orders_app.states import HoldKind, HoldStatus, OrderStatus
from rules_app.engine import Cleared, RuleSet
from rules_app.selectors import current_rules
from rules_app.services.gates import gates_write

log = structlog.get_logger()
RULE_TYPES = {HoldKind.APPROVAL: "request_approval", HoldKind.SCHEDULE: "schedule"}
LONGEST_PAUSE = timedelta(seconds=60)
BREAKER_PAUSE = timedelta(seconds=5)


def holds_sweep(*, limit: int = 200) -> int:
    """Expire and release what is due, the longest due first. Returns how many were worked on."""
    due = Hold.objects.filter(next_run_at__lte=db_now()).order_by("next_run_at", "id")
    ids = list(due.values_list("pk", "kind", "status")[:limit])
    for hold_id, kind, status in ids:
        _work_on(hold_id, expire=kind == HoldKind.APPROVAL and status == HoldStatus.PENDING)
    return len(ids)


def _work_on(hold_id: UUID, *, expire: bool) -> None:
    try:
        if expire:
            approval_expire(hold_id=hold_id)
        else:
            hold_release(hold_id=hold_id)
    except Exception:  # one broken hold must not keep the sweeper from the others
        log.exception("hold_not_released", hold_id=str(hold_id))


def approval_decide(
    *,
    hold_id: UUID,
    decision: str,
    actor: str,
    source: Source,
    reason: str = "",
    demo_now: datetime | None = None,
) -> Outcome | None:
    """Approve and release at once, or reject. Gives the release's outcome; None where it has none (yet).

    `demo_now` is what the rules of that release take for now.
    Raises 404 where the time is over, 410 where somebody was faster.
    """
    if decision != APPROVE:
        approval_reject(hold_id=hold_id, actor=actor, source=source, reason=reason)
        return None
    approval_approve(hold_id=hold_id, actor=actor, source=source)
    released = hold_release(hold_id=hold_id, at_once=True, demo_now=demo_now)
    return released or _stored_outcome(Hold.objects.get(pk=hold_id))


def hold_release(*, hold_id: UUID, at_once: bool = False, demo_now: datetime | None = None) -> Outcome | None:
    """Release a hold that is due (`at_once`: though the sweeper would still wait). None: nothing to do now."""
    processed = _release(hold_id, at_once=at_once, demo_now=demo_now)
    if processed is None:
        return None
    outcome = outcomes_after_calls([processed])[0]
    Hold.objects.filter(pk=hold_id).update(outcome=asdict(outcome))
    return outcome


def _stored_outcome(hold: Hold) -> Outcome | None:
    """What another process's release led to, where it has ended."""
    return stored_outcome(hold.outcome) if hold.outcome else None


@retry_on_deadlock
def _release(hold_id: UUID, *, at_once: bool, demo_now: datetime | None) -> Processed | None:
    with transaction.atomic():
        now = db_now()
        hold = _due_hold(hold_id, now, at_once=at_once)
        if hold is None:
            return None
        order = Order.objects.select_for_update().filter(pk=hold.order_id).first() if hold.order_id else None
        submission = replace(submission_of(hold.context, now), demo_now=demo_now)
        try:
            item = _decide_again(hold, order, current_rules(), submission.rule_time)
        except AppError as error:
            _keep_held(hold, error.message, now)
            return None
        unit = unit_of_work(submission, gate_state_lock([item], submission.caller.caller_id, now))
        result = action_gate(item, unit.state)
        if reason := _undecidable(result):
            _keep_held(hold, reason, now)
            return None
        _end_hold(hold, now)
        processed = _act(item, result, unit)
        gates_write(unit.state.gates.values())
        unit.rows.write()
    return processed


def _due_hold(hold_id: UUID, now: datetime, *, at_once: bool) -> Hold | None:
    """The hold, locked, if its release is due. One that another process has locked is left to it."""
    hold = (
        Hold.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("action")
        .filter(pk=hold_id, ended_at__isnull=True)
        .first()
    )
    if hold is None or hold.next_run_at is None or (hold.next_run_at > now and not at_once):
        return None
    releasable = hold.status == HoldStatus.APPROVED or (
        hold.kind != HoldKind.APPROVAL and hold.status == HoldStatus.PENDING
    )
    return hold if releasable else None


def _decide_again(hold: Hold, order: Order | None, rules: RuleSet, now: datetime) -> Decided:
    """The plan of now, without the rules that this action has cleared.

    An approval clears only what its approver saw: where `modify` makes another payload today, it asks again.
    """
    action, cleared = stored_action(hold.action.body), cleared_with(hold)
    item = _decide(action, cleared, rules, now)
    stale = [
        entry for entry in cleared if entry["payload_hash"] and entry["payload_hash"] != item.payload_hash
    ]
    if stale:
        cleared = [entry for entry in cleared if entry not in stale]
        item = _decide(action, cleared, rules, now)
    hold.cleared = cleared
    fingerprint = order.fingerprint if order else item.fingerprint
    return replace(
        item,
        row_id=hold.action_id,
        hold=hold,
        order=order,
        passed=frozenset(hold.passed),
        fingerprint=fingerprint,
    )


def _decide(action: Action, cleared: list[dict[str, str]], rules: RuleSet, now: datetime) -> Decided:
    names = [Cleared(entry["rule"], entry["type"]) for entry in cleared]
    return action_decide(action, rules, now, cleared=names)


def cleared_with(hold: Hold) -> list[dict[str, str]]:
    """The rules cleared so far and the one that this hold was for."""
    kind = RULE_TYPES.get(HoldKind(hold.kind))
    if kind is None:
        return list(hold.cleared)
    seen = hold.payload_hash if hold.kind == HoldKind.APPROVAL else ""
    return [*hold.cleared, {"rule": hold.rule, "type": kind, "payload_hash": seen}]


def submission_of(context: Mapping[str, Any], now: datetime) -> Submission:
    """The circumstances under which the action was once submitted, now."""
    caller = Principal(context["caller_id"], context["auth_method"], Role.OPERATOR)
    return Submission(caller, context["request_id"], now)


def _undecidable(result: GateResult) -> str | None:
    """Why nothing can be decided at present: a rule that cannot be evaluated, a breaker that is open."""
    if not isinstance(result, Refused):
        return None
    outcome = result.outcome
    if outcome.tag == "Failed" and outcome.content["code"] == "CONFIGURATION":
        return str(outcome.content["message"])
    return "the provider's circuit breaker is open" if outcome.tag == "CircuitOpen" else None


def _keep_held(hold: Hold, problem: str, now: datetime) -> None:
    """Fail closed: still held, tried again, and visible as a problem."""
    pause = min(timedelta(seconds=1 << min(hold.attempts, 6)), LONGEST_PAUSE)
    Hold.objects.filter(pk=hold.pk).update(
        attempts=hold.attempts + 1, problem=problem, next_run_at=now + max(pause, BREAKER_PAUSE)
    )
    log.error("release_undecided", hold_id=str(hold.pk), problem=problem)


def _act(item: Decided, result: GateResult, unit: UnitOfWork) -> Processed:
    if isinstance(result, Refused) and result.turn_at is not None:
        return action_wait_for_turn(item, result, result.turn_at, unit)
    if isinstance(result, Refused):
        _reject(item, result, unit)
    return action_act(item, result, unit)


def _reject(item: Decided, refused: Refused, unit: UnitOfWork) -> None:
    """A rule of today says no, or nobody could carry it out."""
    failed = refused.outcome.tag == "Failed"
    if item.order is not None:
        order_place(item, OrderStatus.FAILED if failed else OrderStatus.REJECTED, unit)
        item.order.reason = (
            str(refused.outcome.content["message"]) if failed else f"rejected by rule {refused.rule}"
        )
        item.order.living, item.order.finished_at, item.order.timeout_at = False, unit.now, None
    if item.hold is not None:
        dedup_key_free_of_hold(item.hold)


def _end_hold(hold: Hold, now: datetime) -> None:
    """A release has two rows in the trail: this one, and after it the outcome that it led to."""
    if hold.kind != HoldKind.APPROVAL:
        hold.status = HoldStatus.RELEASED
        subject = hold_subject(hold)
        released = Journal(SYSTEM_SOURCE)
        released.audit(
            subject,
            outcome="schedule_released",
            verdict="schedule",
            matched_rule=hold.rule,
            dispatched_at=now,
        )
        released.event("scheduled_action_due", subject)
        released.write()
    hold.ended_at, hold.next_run_at, hold.problem = now, None, ""
    hold.save(update_fields=["status", "ended_at", "next_run_at", "problem"])
