"""What came of the bare calls of firings, in the transaction of the call's end."""

from __future__ import annotations

from collections.abc import Iterable

from chains_app.listeners import Ended
from orders_app.models import RecurringFiring
from orders_app.models.recurring import CALLER, RUNNING
from orders_app.services.run_outcomes import outcome_of_step

MAX_REASON = 500


def firings_settle(ends: Iterable[Ended]) -> None:
    for end in ends:
        run = end.run
        if not str(run.reply.get("caller_id", "")).startswith(CALLER):
            continue
        outcome = outcome_of_step(run, next(iter(end.steps), None))
        told = str(outcome.content.get("message", "")) if outcome.tag == "Failed" else ""
        RecurringFiring.objects.filter(
            namespace=run.namespace, tenant=run.tenant, action_id=run.action_id, outcome=RUNNING
        ).update(outcome=outcome.trail_name, is_open=False, reason=told[:MAX_REASON])
