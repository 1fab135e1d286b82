"""What came of the bare calls of firings, in the transaction of the call's end."""

from __future__ import annotations

from collections.abc import Iterable

from chains_app.listeners import Ended
from orders_app.models import RecurringFiring
from orders_app.models.recurring import CALLER, RUNNING
from orders_app.services.run_outcomes import outcome_of_step

MAX_REASON = 500


def firings_settle(ends: Iterable[Ended]) -> None:
    """One statement for those that came to the same."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for end in ends:
        run = end.run
        if str(run.reply.get("caller_id", "")).startswith(CALLER):
            outcome = outcome_of_step(run, next(iter(end.steps), None))
            told = str(outcome.content.get("message", "")) if outcome.tag == "Failed" else ""
            came_to = (run.namespace, run.tenant, outcome.trail_name, told[:MAX_REASON])
            alike.setdefault(came_to, []).append(run.action_id)
    for (namespace, tenant, outcome_name, reason), ids in sorted(alike.items()):
        running = RecurringFiring.objects.filter(namespace=namespace, tenant=tenant, outcome=RUNNING)
        running.filter(action_id__in=ids).update(outcome=outcome_name, is_open=False, reason=reason)
