"""Stage 5: hold, execute, or start the chain. Builds rows; calls nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from acteon_site.base.clock_text import rfc3339
from chains_app.models import Run
from chains_app.selectors import CurrentChain, definitions
from chains_app.services.runs import Owner, run_of_chain, run_of_notice, run_of_single
from orders_app import outcomes
from orders_app.models import Hold, Order
from orders_app.outcomes import Outcome
from orders_app.pipeline.hold_answers import approval_links, hold_outcome
from orders_app.pipeline.items import Accepted, Decided, Judgement, Refused, Submission
from orders_app.pipeline.ledger import Ledger, dedup_gate_key
from orders_app.pipeline.rows import Rows, action_row, demo_note, journal_outcome, order_row, verdict_notes
from orders_app.states import HoldKind, OrderStatus
from rules_app.engine import RequestApproval, Rule, Schedule, StartChain
from rules_app.services.quota_windows import QuotaSpec


@dataclass(frozen=True, slots=True)
class Settled:
    """An action that is decided. Where `run` is set its call is still to be made, and gives the outcome.

    `notice` is the run that tells an approver.
    """

    item: Decided
    outcome: Outcome | None
    run: Run | None = None
    hold: Hold | None = None
    notice: Run | None = None


def settle(
    item: Decided, judgement: Judgement, ledger: Ledger, submission: Submission, rows: Rows
) -> Settled:
    """Turn a judgement into rows, and into the outcome where it is known by now."""
    if item.hold is None:
        rows.actions.append(action_row(item, ledger.now, submission.replay_of))
    if isinstance(judgement, Refused):
        return _refuse(item, judgement, submission, rows)
    _tell_over_quota(item, judgement.warnings, rows, ledger.now)
    rule = item.plan.rule
    if rule is not None and isinstance(rule.action, RequestApproval | Schedule):
        return _hold(item, rule, judgement, ledger, submission, rows)
    chain = chain_of(item) if judgement.target is None else None
    if chain is not None:
        return _run_chain(item, chain, judgement, ledger, submission, rows)
    return _run_single(item, judgement, ledger, submission, rows)


def chain_of(item: Decided) -> CurrentChain | None:
    rule, action = item.plan.rule, item.action
    if rule is not None and isinstance(rule.action, StartChain):
        return definitions().get(rule.action.chain)
    if rule is not None:
        return None  # a reroute replaces the execution
    return definitions().chain_for(action.namespace, action.tenant, action.action_type)


def _refuse(item: Decided, refused: Refused, submission: Submission, rows: Rows) -> Settled:
    journal_outcome(
        rows.journal,
        item,
        refused.outcome,
        submission,
        verdict=refused.verdict,
        rule=refused.rule,
        details={**refused.details, **demo_note(submission)},
    )
    return Settled(item, refused.outcome)


def _hold(
    item: Decided, rule: Rule, accepted: Accepted, ledger: Ledger, submission: Submission, rows: Rows
) -> Settled:
    approving = isinstance(rule.action, RequestApproval)
    status = OrderStatus.HELD if approving else OrderStatus.SCHEDULED
    order = _place(item, status, ledger, rows)
    hold = hold_row(item, rule, accepted.passed, order, submission, ledger.now)
    rows.holds.append(hold)
    _own_key(item, hold, ledger)
    outcome = hold_outcome(hold)
    _journal_accepted(item, outcome, accepted, submission, rows)
    notice = None
    if approving:
        rows.journal.event("approval_required", item.subject, approval_id=str(hold.pk))
        notice = _approval_notice(item, hold, ledger)
        if notice:
            rows.runs.append(notice)
    return Settled(item, outcome, hold=hold, notice=notice)


def hold_row(
    item: Decided,
    rule: Rule,
    passed: tuple[str, ...],
    order: Order | None,
    submission: Submission,
    now: datetime,
) -> Hold:
    action = rule.action
    if isinstance(action, RequestApproval):
        kind, due = HoldKind.APPROVAL, now + timedelta(seconds=action.timeout_seconds)
        extra = {"message": action.message, "notify_provider": action.notify_provider or ""}
    else:
        assert isinstance(action, Schedule)  # noqa: S101 - the other rule that holds
        kind, due, extra = HoldKind.SCHEDULE, now + timedelta(seconds=action.delay_seconds), {}
    # Links sign whole seconds, and the approval must not end before they say.
    due = (
        due.replace(microsecond=0) + timedelta(seconds=1)
        if due.microsecond and kind == HoldKind.APPROVAL
        else due
    )
    return Hold(
        kind=kind,
        namespace=item.action.namespace,
        tenant=item.action.tenant,
        action_id=item.hold.action_id if item.hold else item.row_id,
        action_id_text=item.action.id,
        order=order,
        rule=rule.name,
        cleared=item.hold.cleared if item.hold else [],
        passed=list(passed),
        payload_hash=item.payload_hash,
        context=_context(item, submission),
        created_at=now,
        due_at=due,
        next_run_at=due,
        **extra,
    )


def _context(item: Decided, submission: Submission) -> dict[str, Any]:
    if item.hold is not None:
        return dict(item.hold.context)
    return {
        "caller_id": submission.caller.caller_id,
        "auth_method": submission.caller.auth_method,
        "request_id": submission.request_id,
    }


def _own_key(item: Decided, hold: Hold, ledger: Ledger) -> None:
    ledger.holds[str(hold.pk)] = hold
    if hold.order_id:
        ledger.holds[str(hold.order_id)] = hold
    gate = ledger.gate(dedup_gate_key(item))
    if gate is not None:
        gate.put({**gate.data, "hold": str(hold.pk)}, None)


def _place(item: Decided, status: str, ledger: Ledger, rows: Rows) -> Order | None:
    order = order_row(item, status, ledger.now)
    if order is None or item.order_name is None:
        return None
    (rows.changed_orders if item.order is not None else rows.orders).append(order)
    ledger.living[item.order_name] = order
    return order


def _run_chain(
    item: Decided,
    chain: CurrentChain,
    accepted: Accepted,
    ledger: Ledger,
    submission: Submission,
    rows: Rows,
) -> Settled:
    order = _place(item, OrderStatus.PROCESSING, ledger, rows)
    run = run_of_chain(chain, origin=origin_of(item), owner=_owner(item, order), now=ledger.now)
    if order is not None:
        order.run_id = run.pk
    rows.runs.append(run)
    outcome = _chain_outcome(item, chain, run, order)
    _journal_accepted(item, outcome, accepted, submission, rows, chain_id=run.pk)
    return Settled(item, outcome)


def _chain_outcome(item: Decided, chain: CurrentChain, run: Run, order: Order | None) -> Outcome:
    if item.plan.verdict == "chain":
        steps = chain.definition.steps
        content = {
            "chain_id": str(run.pk),
            "chain_name": chain.definition.name,
            "total_steps": len(steps),
            "first_step": steps[0].name,
        }
        return Outcome("ChainStarted", content)
    return outcomes.executed(
        {
            "order_id": item.fingerprint,
            "state": order.state if order else None,
            "chain_id": str(run.pk),
            "chain_name": chain.definition.name,
            "chain_url": f"{settings.PUBLIC_URL}/v1/chains/{run.pk}",
        }
    )


def _run_single(
    item: Decided, accepted: Accepted, ledger: Ledger, submission: Submission, rows: Rows
) -> Settled:
    """A bare call: a run of one step, due now. Its outcome and its audit row come when it ends."""
    order = _place(item, OrderStatus.PROCESSING, ledger, rows)
    run = run_of_single(
        accepted.target or item.action.provider,
        origin=origin_of(item),
        owner=_owner(item, order),
        now=ledger.now,
        reply=_reply(item, accepted, submission),
    )
    if order is not None:
        order.run_id = run.pk
    rows.runs.append(run)
    return Settled(item, None, run=run)


def _reply(item: Decided, accepted: Accepted, submission: Submission) -> dict[str, Any]:
    """What the audit row will need that is written when the call has ended."""
    return {
        "verdict": item.plan.verdict,
        "rule": item.plan.rule.name if item.plan.rule else None,
        "degraded": any(quota.overage == "degrade" for quota in accepted.warnings),
        "details": {**verdict_notes(item), **accepted_notes(accepted, submission)},
        "ruleset": item.ruleset_version,
        "received_at": rfc3339(submission.received_at),
        **_context(item, submission),
    }


def _owner(item: Decided, order: Order | None) -> Owner:
    if order is not None:
        return Owner("order", order.pk)
    return Owner("action", item.hold.action_id if item.hold else item.row_id)


def origin_of(item: Decided) -> dict[str, Any]:
    """What templates render from: the action with the payload as decided."""
    return item.action.with_payload(item.plan.payload).stored()


def _journal_accepted(
    item: Decided,
    outcome: Outcome,
    accepted: Accepted,
    submission: Submission,
    rows: Rows,
    chain_id: object = None,
) -> None:
    journal_outcome(
        rows.journal,
        item,
        outcome,
        submission,
        verdict=item.plan.verdict,
        rule=item.plan.rule.name if item.plan.rule else None,
        details=accepted_notes(accepted, submission),
        chain_id=chain_id,
    )


def _approval_notice(item: Decided, hold: Hold, ledger: Ledger) -> Run | None:
    if hold.notify_provider not in ledger.providers:
        return None
    approve, reject = approval_links(hold)
    payload = {
        "approval_id": str(hold.pk),
        "rule": hold.rule,
        "message": hold.message,
        "expires_at": rfc3339(hold.due_at),
        "approve_url": approve,
        "reject_url": reject,
        "action_id": hold.action_id_text,
        "order": item.scrubber.payload,
    }
    origin = {**origin_of(item), "payload": payload, "action_type": "approval_request"}
    return run_of_notice(
        hold.notify_provider,
        origin=origin,
        owner=Owner("approval_notice", hold.pk),
        now=ledger.now,
        until=hold.due_at,
    )


def accepted_notes(accepted: Accepted, submission: Submission) -> dict[str, Any]:
    notes: dict[str, Any] = demo_note(submission)
    if accepted.warnings:
        over = accepted.warnings[0]
        notes["quota"] = {"quota_id": str(over.id), "overage": over.overage, "limit": over.max_actions}
    return notes


def _tell_over_quota(item: Decided, over: tuple[QuotaSpec, ...], rows: Rows, now: datetime) -> None:
    for quota in over:
        if quota.overage == "notify":
            payload = {
                "quota_id": str(quota.id),
                "limit": quota.max_actions,
                "namespace": quota.namespace,
                "tenant": quota.tenant,
                "action_id": item.action.id,
            }
            origin = {**origin_of(item), "payload": payload, "action_type": "quota_exceeded"}
            owner = Owner("", None)
            rows.runs.append(run_of_notice(quota.overage_target, origin=origin, owner=owner, now=now))
