"""What a group does when its call has ended: its state, the one row in the trail, the event that ends subscriptions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from acteon_site.base.errors import AppError, conflict
from acteon_site.base.many_rows import rows_update
from acteon_site.base.source import Source
from acteon_site.base.statements import Writes
from audit_app.selectors import current_redactor
from audit_app.services.journal import Journal, Subject
from chains_app.listeners import Ended, Listener, Owners
from chains_app.models import Attempt, Run, StepRun
from chains_app.states import RunStatus
from orders_app.models import ActionGroup, GroupedAction
from orders_app.pipeline.journaling import outcome_notes
from orders_app.services.run_listeners import SingleRuns, owner_of
from orders_app.services.run_outcomes import call_notes, outcome_of_step
from orders_app.states import GroupState

ENDED_FIELDS = ["state", "ended_at", "outcome", "in_doubt"]


class SentGroups(SingleRuns):
    """Groups whose calls have ended."""

    def __init__(self, groups: Iterable[ActionGroup]) -> None:
        super().__init__()
        self._groups = {group.pk: group for group in groups}
        self._ended: list[ActionGroup] = []
        self._ids: dict[UUID, list[str]] = {}

    def ended(self, end: Ended, *, now: datetime) -> None:
        group = self._groups.get(owner_of(end.run))
        if group is None:
            return
        super().ended(end, now=now)
        done = end.run.status == RunStatus.COMPLETED
        group.state = GroupState.FLUSHED if done else GroupState.FAILED
        group.ended_at, group.in_doubt = now, not done and end.in_doubt
        group.outcome = outcome_of_step(end.run, next(iter(end.steps), None)).stored()
        self._ended.append(group)

    def write(self, journal: Journal, writes: Writes) -> None:
        rows_update(self._ended, ENDED_FIELDS, writes)
        members = GroupedAction.objects.filter(group__in=self._ended).order_by("position")
        for group, action_id in members.values_list("group", "action__action_id") if self._ended else ():
            self._ids.setdefault(group, []).append(action_id)
        super().write(journal, writes)

    def tell(self, run: Run, step: StepRun | None, attempts: Sequence[Attempt], journal: Journal) -> None:
        group = self._groups[owner_of(run)]
        outcome = outcome_of_step(run, step)
        subject = Subject(group.namespace, group.tenant, group.provider, group.action_type, str(group.pk))
        scrubber = current_redactor().scrubber(run.origin["payload"], run.origin.get("tainted") or ())
        own = Journal(Source(**run.reply["closed_for"]))
        own.audit(
            subject,
            outcome=outcome.trail_name,
            verdict="group",
            matched_rule=group.rule,
            payload=_told(group, self._ids.get(group.pk, [])),
            scrubber=scrubber,
            # Its actions were dispatched, and counted, when they came into it.
            verdict_details={"release": group.rule, "closed_by": group.closed_by},
            outcome_details={**outcome_notes(outcome), **call_notes(run, step, attempts)},
            dispatched_at=group.notify_at,
            duration_ms=_took(run),
        )
        own.event(
            "group_flushed",
            subject,
            group_id=str(group.pk),
            scrubber=scrubber,
            group_key=group.group_key,
            event_count=group.event_count,
            status=group.state,
        )
        journal.include(own)


def _told(group: ActionGroup, action_ids: list[str]) -> dict[str, Any]:
    """The ids of its actions, each of which has a row of its own, and not once more what they hold."""
    return {
        "group_id": str(group.pk),
        "group_key": group.group_key,
        "labels": group.labels,
        "count": group.event_count,
        "action_ids": action_ids,
    }


def _took(run: Run) -> int:
    return int((run.ended_at - run.started_at).total_seconds() * 1000) if run.ended_at else 0


class GroupRuns(Listener):
    """Runs that send a group."""

    owner_kind = "group"

    def lock(self, owner_ids: Collection[UUID]) -> Owners:
        return SentGroups(ActionGroup.objects.select_for_update().filter(pk__in=owner_ids).order_by("pk"))

    def resume_problem(self, run: Run) -> AppError | None:
        if ActionGroup.objects.filter(pk=owner_of(run)).exists():
            return None
        return conflict("retention has removed the group; this run cannot go on", "GROUP_GONE")

    def resumed(self, run: Run, *, now: datetime) -> None:
        open_again = {"state": GroupState.FLUSHING, "ended_at": None, "outcome": None, "in_doubt": False}
        ActionGroup.objects.filter(pk=owner_of(run)).update(**open_again)

    def names(self, owner_ids: Collection[UUID]) -> Mapping[UUID, str]:
        rows = ActionGroup.objects.filter(pk__in=owner_ids)
        return {group.pk: f"group of {group.event_count} by {group.rule}" for group in rows}
