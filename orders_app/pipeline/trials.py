"""What became of actions that came to rules in shadow, or for a share of orders: rows beside the action's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from orders_app.pipeline.items import Accepted, Decided, GateResult, Refused
from orders_app.pipeline.rows import UnitOfWork
from orders_app.pipeline.shadow_gates import shadow_would
from rules_app.engine import Trial
from rules_app.models import RuleTrial
from rules_app.trial_facts import REPEATED, accepted_as, amount_of, currency_of

TRIED = "tried"  # in a hold's context: the rules that have a row about the action already


def trials_note(item: Decided, result: GateResult, unit: UnitOfWork) -> None:
    """One row for each rule, once for an action however often it is released. Nothing where no rule is tried."""
    if item.plan.trials:
        unit.rows.trials += _rows(item, result, unit)


def tried_context(item: Decided) -> dict[str, Any]:
    """What a hold keeps of it."""
    names = [*_tried(item), *(trial.rule.name for trial in item.plan.trials)]
    return {TRIED: list(dict.fromkeys(names))} if names else {}


def _tried(item: Decided) -> Iterable[str]:
    found: Iterable[str] = item.hold.context.get(TRIED, ()) if item.hold else ()
    return found


def _rows(item: Decided, result: GateResult, unit: UnitOfWork) -> Iterator[RuleTrial]:
    known = set(_tried(item))
    happened, decided_by = _happened(item, result)
    for trial in item.plan.trials:
        if trial.rule.name not in known:
            accepted = isinstance(result, Accepted)
            would = shadow_would(item, trial, unit.state.gates, unit.now, accepted=accepted)
            yield _row(item, trial, would, (happened, decided_by), unit)


def _happened(item: Decided, result: GateResult) -> tuple[str, str]:
    """What became of it here and now, and the rule that made it so."""
    if not isinstance(result, Refused):
        return accepted_as(item.plan.verdict), item.rule_name or ""
    if "repeat_of" in result.details:
        return REPEATED, result.rule or ""
    waits = result.turn_at is not None and item.hold is not None
    return accepted_as("schedule") if waits else result.outcome.trail_name, result.rule or ""


def _row(item: Decided, trial: Trial, would: str, fate: tuple[str, str], unit: UnitOfWork) -> RuleTrial:
    happened, decided_by = fate
    # Without what the trail hides: a redacted total is none here either.
    payload = item.scrubber.payload
    return RuleTrial.made(
        rule=trial.rule.name,
        version=item.ruleset_version,
        side=trial.side,
        would=would,
        happened=happened,
        decided_by=decided_by,
        namespace=item.action.namespace,
        tenant=item.action.tenant,
        provider=item.action.provider,
        action_type=item.action.action_type,
        action=item.row_id,
        action_id=item.action.id,
        amount=amount_of(payload),
        currency=currency_of(payload),
        at=unit.now,
    )
