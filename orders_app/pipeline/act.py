"""Stage 5, Act: hold, start the chain, or prepare the call. Builds rows and calls no provider."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from acteon_site.base.clock_text import rfc3339
from chains_app.models import Run
from chains_app.selectors import CurrentChain
from chains_app.services.runs import Owner, run_of_chain, run_of_single
from orders_app.contract import outcomes
from orders_app.contract.outcomes import Outcome
from orders_app.models import Order
from orders_app.pipeline.gate_state import chain_of
from orders_app.pipeline.grouping import action_group
from orders_app.pipeline.holding import action_hold
from orders_app.pipeline.items import Accepted, Contradicted, Decided, GateResult, Processed, Refused
from orders_app.pipeline.journaling import journal_accepted, journal_refused, quota_notes, verdict_notes
from orders_app.pipeline.notices import quota_notices
from orders_app.pipeline.rows import UnitOfWork, action_row, order_place
from orders_app.pipeline.spreading import released_start
from orders_app.pipeline.trials import trials_note
from orders_app.states import OrderStatus
from rules_app.engine import Group, RequestApproval, Schedule


def action_act(item: Decided, result: GateResult, unit: UnitOfWork) -> Processed:
    """Turn what the gates say into rows, and into the outcome where it is known by now."""
    if isinstance(result, Contradicted):
        return Processed(item, None, error=result.error)
    if item.hold is None:
        unit.rows.actions.append(action_row(item, unit))
    trials_note(item, result, unit)
    if isinstance(result, Refused):
        journal_refused(item, result, unit)
        return Processed(item, result.outcome)
    unit.rows.runs += quota_notices(item, result, unit)
    rule = item.plan.rule
    if rule is not None and isinstance(rule.action, RequestApproval | Schedule):
        return action_hold(item, rule, rule.action, result, unit)
    if rule is not None and isinstance(rule.action, Group) and result.target is None:
        return action_group(item, rule, rule.action, result, unit)
    chain = chain_of(item) if result.target is None else None
    if chain is not None:
        return _start_chain(item, chain, result, unit)
    return _prepare_call(item, result, unit)


def _start_chain(item: Decided, chain: CurrentChain, accepted: Accepted, unit: UnitOfWork) -> Processed:
    order = order_place(item, OrderStatus.PROCESSING, unit)
    due = released_start(item.hold, unit.now, unit.together)
    run = run_of_chain(chain, origin=item.origin, owner=_owner(item, order), now=unit.now, due=due)
    _give_run(order, run)
    unit.rows.runs.append(run)
    outcome = _chain_outcome(item, chain, run, order)
    journal_accepted(item, outcome, accepted, unit, chain_id=run.pk)
    return Processed(item, outcome)


def _chain_outcome(item: Decided, chain: CurrentChain, run: Run, order: Order | None) -> Outcome:
    if item.plan.verdict == "chain":
        return outcomes.chain_started(str(run.pk), chain.definition)
    return outcomes.executed(
        {
            "order_id": item.fingerprint,
            "state": order.state if order else None,
            "chain_id": str(run.pk),
            "chain_name": chain.definition.name,
            "chain_url": f"{settings.PUBLIC_URL}/v1/chains/{run.pk}",
        }
    )


def _prepare_call(item: Decided, accepted: Accepted, unit: UnitOfWork) -> Processed:
    """A run of one step, due now. Its outcome and its audit row follow when the call has ended."""
    order = order_place(item, OrderStatus.PROCESSING, unit)
    run = run_of_single(
        accepted.target or item.action.provider,
        origin=item.origin,
        owner=_owner(item, order),
        now=unit.now,
        reply=_for_audit(item, accepted, unit),
    )
    _give_run(order, run)
    unit.rows.begun.append(run)
    return Processed(item, None, run=run)


def _for_audit(item: Decided, accepted: Accepted, unit: UnitOfWork) -> dict[str, Any]:
    """What the audit row needs that is written when the call has ended (orders_app.services.run_listeners)."""
    return {
        "verdict": item.plan.verdict,
        "rule": item.rule_name,
        "degraded": any(quota.overage == "degrade" for quota in accepted.over_quota),
        "details": {**verdict_notes(item), **quota_notes(accepted)},
        "ruleset": item.ruleset_version,
        "received_at": rfc3339(item.submission.received_at),
        **item.submission.context,
    }


def _owner(item: Decided, order: Order | None) -> Owner:
    return Owner("order", order.pk) if order else Owner("action", item.row_id)


def _give_run(order: Order | None, run: Run) -> None:
    if order is not None:
        order.run_id = run.pk
