"""What a dispatch would come to at this moment: the same stages over rows that are read and never written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit_app.services.journal import Journal
from orders_app import outcomes
from orders_app.outcomes import Outcome
from orders_app.pipeline.act import settle
from orders_app.pipeline.dispatch import Result, decide_all, given
from orders_app.pipeline.items import Accepted, Decided, Judgement, Refused, Submission
from orders_app.pipeline.judge import judge
from orders_app.pipeline.ledger import ledger_read, target_of
from orders_app.pipeline.rows import Rows


def dry_run_many(bodies: Sequence[Any], submission: Submission) -> list[Result]:
    """Each action's verdict. Consumes nothing, stores nothing, calls nobody; reads as often for one as for many."""
    results, decided = decide_all(bodies, submission)
    if decided:
        ledger = ledger_read(decided, submission.caller.caller_id, submission.received_at)
        unwritten = Rows(Journal(submission.source))
        for item in decided:
            judgement = judge(item, ledger)
            # What it would take in memory, so that an equal one behind it in the batch meets it.
            settle(item, judgement, ledger, submission, unwritten)
            results[item.position] = _outcome(item, judgement)
    return [given(result) for result in results]


def _outcome(item: Decided, judgement: Judgement) -> Outcome:
    if item.plan.failed and isinstance(judgement, Refused):
        return judgement.outcome
    degraded = judgement.target if isinstance(judgement, Accepted) else None
    return outcomes.dry_run(*_verdict(item, judgement), degraded or target_of(item))


def _verdict(item: Decided, judgement: Judgement) -> tuple[str, str | None]:
    """With the rule's name. A gate that would trip, or a hold that waits already, goes before what the rules say."""
    plan = item.plan
    if isinstance(judgement, Refused) and judgement.verdict != plan.verdict:
        return judgement.verdict, judgement.rule
    if plan.rule is not None:
        return plan.verdict, plan.rule.name
    return ("modify", plan.modified_by[-1]) if plan.modified_by else ("allow", None)
