"""Releasing what was held: the rules as they are now decide again, and nothing is lost on the way.

A cleared rule is not asked again, a passed gate not paid again. What cannot be decided stays held and is tried
again; what is throttled waits for its reserved turn; what is refused is rejected, naming the rule.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from acteon_site.base import spans
from acteon_site.base.clock import db_now
from acteon_site.base.errors import AppError
from acteon_site.base.principals import Principal, Role
from acteon_site.base.retrying import database_is_away, retry_on_deadlock
from orders_app.contract.actions import Action, stored_action
from orders_app.contract.outcomes import Outcome, stored_outcome
from orders_app.models import Hold, Order
from orders_app.pipeline.act import action_act
from orders_app.pipeline.counting import action_count
from orders_app.pipeline.decide import action_decide
from orders_app.pipeline.dispatch import outcomes_after_calls, with_work
from orders_app.pipeline.gate import action_gate
from orders_app.pipeline.gate_state import gate_state_lock
from orders_app.pipeline.holding import action_wait_for_turn
from orders_app.pipeline.items import Decided, GateResult, Processed, Refused, Submission
from orders_app.pipeline.refunds import refund_give_back
from orders_app.pipeline.rows import UnitOfWork, order_place, unit_of_work
from orders_app.pipeline.trials import trials_note
from orders_app.services.decisions import Verdict, approval_carry_out, approval_take
from orders_app.services.dedup_keys import dedup_key_free_of_hold
from orders_app.services.holds import approval_expire, hold_subject
from orders_app.services.spans_of_sets import release_traced
from orders_app.states import HoldKind, HoldStatus, OrderStatus
from rules_app.engine import Cleared, RuleSet
from rules_app.engine.scope import Counts
from rules_app.selectors import current_rules

log = structlog.get_logger()
RULE_TYPES = {HoldKind.APPROVAL: "request_approval", HoldKind.SCHEDULE: "schedule"}
LONGEST_PAUSE = timedelta(seconds=60)
BREAKER_PAUSE = timedelta(seconds=5)
SET = 25  # holds that are released in one transaction


def holds_sweep(*, limit: int = 200, rest: float = 0) -> int:
    """Expire and release what is due, the longest due first. Returns how many were worked on; `rest`: holds_release."""
    due = Hold.objects.filter(next_run_at__lte=db_now()).order_by("next_run_at", "id")
    ids = list(due.values_list("pk", "kind", "status")[:limit])
    released = []
    for pk, kind, status in ids:
        if kind != HoldKind.APPROVAL or status != HoldStatus.PENDING or _decide_or_expire(pk):
            released.append(pk)
    holds_release(released, rest=rest)
    return len(ids)


def _decide_or_expire(hold_id: UUID) -> bool:
    """Put a decision that was taken into effect, else end what nobody decided. Whether it is to be released now."""
    try:
        decided = approval_carry_out(hold_id=hold_id)
        if decided is None:
            approval_expire(hold_id=hold_id)
        return decided is not None and decided.status == HoldStatus.APPROVED
    except Exception:  # one broken hold must not keep the sweeper from the others
        log.exception("hold_not_ended", hold_id=str(hold_id))
        return False


def holds_release(hold_ids: Sequence[UUID], *, rest: float = 0) -> None:
    """Release those that are due, in this order. One that is broken stays held, and harms no other.

    Between two sets it rests for that share of the time that a set took: whoever places orders meanwhile goes first.
    """
    for start in range(0, len(hold_ids), SET):
        began = time.monotonic()
        _release_set(hold_ids[start : start + SET])
        if rest and start + SET < len(hold_ids):
            time.sleep(rest * (time.monotonic() - began))


def _release_set(hold_ids: Sequence[UUID]) -> None:
    """In one transaction; a set that fails is halved until the one that made it fail stands alone."""
    try:
        released = _release(hold_ids)
    except Exception as error:  # see above
        if len(hold_ids) == 1:
            _put_aside(hold_ids[0], error)
            return
        half = len(hold_ids) // 2
        _release_set(hold_ids[:half])
        _release_set(hold_ids[half:])
        return
    try:
        _outcomes(released)
    except Exception:  # they are released all the same, and the sweep goes on with their runs
        log.exception("calls_of_releases_failed", hold_ids=[str(pk) for pk in released])


def _put_aside(hold_id: UUID, error: Exception) -> None:
    """Still held, and tried again later: what is broken must not stand before all that is due after it."""
    log.exception("hold_not_released", exc_info=error, hold_id=str(hold_id))
    if database_is_away(error):
        return  # not the hold's doing: it is due again as soon as the database is well
    with transaction.atomic():
        if hold := Hold.objects.select_for_update().filter(pk=hold_id, ended_at__isnull=True).first():
            _keep_held(hold, "its release failed; the log says why", db_now())


@dataclass(frozen=True, slots=True)
class Made:
    """A decision that was made. `outcome` is the release's, None where it has none (yet)."""

    hold: Hold
    outcome: Outcome | None = None

    @property
    def lacks_second(self) -> bool:
        """It was the first of two approvals."""
        return self.hold.status == HoldStatus.PENDING and not self.hold.taken


def approval_decide(*, hold_id: UUID, verdict: Verdict, demo_now: datetime | None = None) -> Made:
    """Decide at once; what is approved by all who must is released. Raises as `approval_take`.

    `demo_now` is what the rules of that release take for now.
    """
    hold = approval_take(hold_id=hold_id, verdict=verdict)
    if hold.status != HoldStatus.APPROVED:
        return Made(hold)
    released = hold_release(hold_id=hold_id, at_once=True, demo_now=demo_now)
    return Made(hold, released or _stored_outcome(Hold.objects.get(pk=hold_id)))


def hold_release(*, hold_id: UUID, at_once: bool = False, demo_now: datetime | None = None) -> Outcome | None:
    """Release a hold that is due (`at_once`: though the sweeper would still wait). None: nothing to do now."""
    return _outcomes(_release([hold_id], at_once=at_once, demo_now=demo_now)).get(hold_id)


def _outcomes(released: Mapping[UUID, Processed]) -> dict[UUID, Outcome]:
    """What releases have led to, by hold, after the calls that they wait for."""
    outcomes = dict(zip(released, outcomes_after_calls(list(released.values())), strict=True))
    for hold_id, done in released.items():
        if done.run or done.notice:  # only its call has told it
            Hold.objects.filter(pk=hold_id).update(outcome=outcomes[hold_id].stored())
    return outcomes


def _stored_outcome(hold: Hold) -> Outcome | None:
    """What another process's release led to, where it has ended."""
    return stored_outcome(hold.outcome) if hold.outcome else None


@retry_on_deadlock
def _release(
    hold_ids: Sequence[UUID], *, at_once: bool = False, demo_now: datetime | None = None
) -> dict[UUID, Processed]:
    """All in one transaction. What cannot be decided stays held, and is not among the answers."""
    began = spans.beginning()
    with transaction.atomic():
        now = db_now()
        items = _decide_due(hold_ids, now, at_once=at_once, demo_now=demo_now)
        if not items:
            return {}
        unit = unit_of_work(gate_state_lock(list(items.values())), len(items))
        processed = {}
        for pk, due in items.items():
            item = action_count(due, unit.state)
            if isinstance(item, AppError):
                _keep_held(_hold_of(due), item.message, now)
                continue
            result = action_gate(item, unit.state)
            if reason := _undecidable(result):
                _keep_held(_hold_of(item), reason, now)
                continue
            _note_release(item, now, unit)
            processed[pk] = _act(item, result, unit)
            unit.rows.ended_holds.append(_ended(item, processed[pk], now))
        unit.write()
    released = {pk: with_work(done, unit) for pk, done in processed.items()}
    return (
        release_traced(spans.tracer, released, began) if released and spans.tracer is not None else released
    )


def _decide_due(
    hold_ids: Sequence[UUID], now: datetime, *, at_once: bool, demo_now: datetime | None
) -> dict[UUID, Decided]:
    """By hold, in the order of the ids, what the rules say today of those whose release is due."""
    holds = _due_holds(hold_ids, now, at_once=at_once)
    orders = _orders_of(holds)
    items: dict[UUID, Decided] = {}
    for hold in holds:
        submission = replace(submission_of(hold.context, now), demo_now=demo_now)
        order = orders.get(hold.order_id) if hold.order_id else None
        try:
            items[hold.pk] = decide_again(hold, order, current_rules(), submission)
        except AppError as error:
            _keep_held(hold, error.message, now)
    return items


def _due_holds(hold_ids: Sequence[UUID], now: datetime, *, at_once: bool) -> list[Hold]:
    """Those of them, locked, whose release is due. What another process has locked is left to it."""
    found = (
        Hold.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("action")
        .filter(pk__in=hold_ids, ended_at__isnull=True)
        .in_bulk()
    )
    return [found[pk] for pk in hold_ids if pk in found and _is_due(found[pk], now, at_once=at_once)]


def _is_due(hold: Hold, now: datetime, *, at_once: bool) -> bool:
    if hold.next_run_at is None or (hold.next_run_at > now and not at_once):
        return False
    return hold.status == HoldStatus.APPROVED or (
        hold.kind != HoldKind.APPROVAL and hold.status == HoldStatus.PENDING
    )


def _orders_of(holds: Sequence[Hold]) -> dict[UUID, Order]:
    """Locked, in the order of their keys, after their holds."""
    ids = [hold.order_id for hold in holds if hold.order_id]
    orders = Order.objects.select_for_update().filter(pk__in=ids).order_by("pk") if ids else []
    return {order.pk: order for order in orders}


def decide_again(
    hold: Hold, order: Order | None, rules: RuleSet, submission: Submission, counts: Counts | None = None
) -> Decided:
    """The plan of now, without the rules that this action has cleared. `counts` as for `action_decide`.

    An approval clears only what its approver saw: where `modify` makes another payload today, it asks again.
    """
    return _decide_released(hold, order, rules, submission, cleared_with(hold), counts)


def _decide_released(
    hold: Hold,
    order: Order | None,
    rules: RuleSet,
    submission: Submission,
    clearing: list[dict[str, str]],
    counts: Counts | None = None,
) -> Decided:
    action, cleared = stored_action(hold.action.body), clearing
    item = _decide(action, cleared, rules, submission, counts)
    stale = [
        entry for entry in cleared if entry["payload_hash"] and entry["payload_hash"] != item.payload_hash
    ]
    if stale:
        cleared = [entry for entry in cleared if entry not in stale]
        item = _decide(action, cleared, rules, submission, counts)
    hold.cleared = cleared
    fingerprint = order.fingerprint if order else item.fingerprint
    again = partial(_decide_released, hold, order, rules, submission, clearing)
    return replace(
        item,
        row_id=hold.action_id,
        hold=hold,
        order=order,
        passed=frozenset(hold.passed),
        fingerprint=fingerprint,
        met=tuple(one for one in item.met if one.asked),  # it was counted when it was accepted
        again=again if item.again else None,
    )


def _decide(
    action: Action,
    cleared: list[dict[str, str]],
    rules: RuleSet,
    submission: Submission,
    counts: Counts | None,
) -> Decided:
    names = [Cleared(entry["rule"], entry["type"]) for entry in cleared]
    # It was decided about while it was held: no silence undoes that.
    return action_decide(action, rules, submission, cleared=names, counts=counts, mutes=False)


def cleared_with(hold: Hold) -> list[dict[str, str]]:
    """The rules cleared so far and the one that this hold was for."""
    kind = RULE_TYPES.get(HoldKind(hold.kind))
    if kind is None:
        return list(hold.cleared)
    seen = hold.payload_hash if hold.kind == HoldKind.APPROVAL else ""
    return [*hold.cleared, {"rule": hold.rule, "type": kind, "payload_hash": seen}]


def submission_of(context: Mapping[str, Any], now: datetime) -> Submission:
    """The circumstances under which the action was once submitted, now."""
    # What was held before rules could ask for it is taken for the least that dispatches.
    role = Role[context.get("caller_role", Role.OPERATOR.name).upper()]
    caller = Principal(context["caller_id"], context["auth_method"], role)
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
        trials_note(item, result, unit)
        return action_wait_for_turn(item, result, result.turn_at, unit)
    if isinstance(result, Refused):
        _reject(item, result, unit)
    return action_act(item, result, unit)


def _reject(item: Decided, refused: Refused, unit: UnitOfWork) -> None:
    """A rule of today says no, or nobody could carry it out."""
    failed = refused.outcome.tag == "Failed"
    refund_give_back(item, unit.state.ledgers)
    if item.order is not None:
        order_place(item, OrderStatus.FAILED if failed else OrderStatus.REJECTED, unit)
        item.order.reason = (
            str(refused.outcome.content["message"]) if failed else f"rejected by rule {refused.rule}"
        )
        item.order.living, item.order.finished_at, item.order.timeout_at = False, unit.now, None
    if item.hold is not None:
        dedup_key_free_of_hold(item.hold)


def _note_release(item: Decided, now: datetime, unit: UnitOfWork) -> None:
    """A release has two rows in the trail: this one, and after it the outcome that it led to."""
    hold = _hold_of(item)
    if hold.kind == HoldKind.APPROVAL:
        return  # its row is the decision's
    subject = hold_subject(hold)
    unit.rows.journal.audit(
        subject, outcome="schedule_released", verdict="schedule", matched_rule=hold.rule, dispatched_at=now
    )
    unit.rows.journal.event("scheduled_action_due", subject)


def _ended(item: Decided, done: Processed, now: datetime) -> Hold:
    hold = _hold_of(item)
    if hold.kind != HoldKind.APPROVAL:
        hold.status = HoldStatus.RELEASED
    hold.ended_at, hold.next_run_at, hold.problem = now, None, ""
    if done.outcome is not None:
        hold.outcome = done.outcome.stored()
    return hold


def _hold_of(item: Decided) -> Hold:
    if item.hold is None:
        raise AssertionError("what is released was held")
    return item.hold
