"""What a dispatch would come to at this moment: the same stages over rows that are read and never written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acteon_site.base.errors import AppError
from orders_app.contract import outcomes
from orders_app.pipeline.act import action_act
from orders_app.pipeline.counting import action_count
from orders_app.pipeline.dispatch import Result, decide_all, in_order
from orders_app.pipeline.gate import action_gate
from orders_app.pipeline.gate_state import gate_state_read
from orders_app.pipeline.items import Accepted, Contradicted, Decided, GateResult, Refused, Submission
from orders_app.pipeline.rows import unit_of_work


def dry_run_many(bodies: Sequence[Any], submission: Submission) -> list[Result]:
    """Each action's verdict. Consumes nothing, stores nothing, calls nobody; reads as often for one as for many."""
    decided, errors = decide_all([(body, submission) for body in bodies])
    verdicts = _verdicts(decided) if decided else {}
    return in_order(verdicts, errors, len(bodies))


def _verdicts(decided: Sequence[Decided]) -> dict[int, Result]:
    state = gate_state_read(decided)
    unwritten = unit_of_work(state)
    found: dict[int, Result] = {}
    for one in decided:
        item = action_count(one, state)
        if isinstance(item, AppError):
            found[one.position] = item
            continue
        result = action_gate(item, state)
        # For what it takes in memory, so that an equal one behind it in the batch finds it taken.
        action_act(item, result, unwritten)
        found[item.position] = _outcome(item, result)
    return found


def _outcome(item: Decided, result: GateResult) -> Result:
    if isinstance(result, Contradicted):
        return result.error
    if item.plan.failed and isinstance(result, Refused):
        return result.outcome
    degraded = result.target if isinstance(result, Accepted) else None
    return outcomes.dry_run(*verdict_of(item, result), degraded or item.called_provider)


def verdict_of(item: Decided, result: GateResult) -> tuple[str, str | None]:
    """With the rule's name. A gate that would trip, or a hold that waits already, goes before what the rules say."""
    plan = item.plan
    if item.muted:
        return item.muted.kind, item.muted.rule or None
    if isinstance(result, Refused) and result.verdict != plan.verdict:
        return result.verdict, result.rule
    if plan.rule is not None:
        return plan.verdict, plan.rule.name
    return ("modify", plan.modified_by[-1]) if plan.modified_by else ("allow", None)
