"""What came of the bare calls of firings, in the transaction of the call's end; and what is under way again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acteon_site.base.ids import as_uuid
from chains_app.listeners import Ended
from chains_app.models import Run
from chains_app.states import RunKind
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


def firing_reopen(run: Run) -> None:
    """A person has its run go on: something of it is under way again, and what a bare call comes to is told anew."""
    recurring_id = as_uuid(str((run.origin.get("metadata") or {}).get("recurring_id", "")))
    if recurring_id is None:
        return
    again: dict[str, Any] = {"outcome": RUNNING, "reason": ""} if run.kind == RunKind.SINGLE else {}
    firings = RecurringFiring.objects.filter(recurring_id=recurring_id, action_id=run.action_id)
    firings.filter(namespace=run.namespace, tenant=run.tenant).update(is_open=True, **again)
