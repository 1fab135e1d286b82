"""Reminders and escalation before an approval's time is over.

Each is a run that calls its provider until that has worked or the time is over, as the first notice is. The run, what
is next, the escalation and its row in the trail commit together: a crash loses no reminder and repeats none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import rfc3339, span_text
from acteon_site.base.money import total_of
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import SYSTEM_SOURCE
from audit_app.selectors import current_redactor
from chains_app.models import Run
from chains_app.selectors import providers
from chains_app.services.runs import Owner, run_of_notice, runs_insert
from orders_app.approval_policy import Notice, Policy
from orders_app.contract.actions import stored_action
from orders_app.contract.approval_notices import FORMATS, Reminder
from orders_app.models import Hold
from orders_app.pipeline.hold_answers import sign_in_link
from orders_app.policies import policy_for
from orders_app.selectors import lifecycle_for
from orders_app.services.holds import journal_change
from orders_app.states import HoldStatus
from orders_app.worth import priced

log = structlog.get_logger()
NOBODY = Owner("", None)


def next_notice_at(hold: Hold, policy: Policy, *, after: datetime) -> datetime | None:
    """When the next reminder or the escalation is due; those of before are over."""
    moments = (_moment(hold, notice) for notice in policy.notices)
    return min((moment for moment in moments if moment > after), default=None)


def approvals_remind(*, limit: int = 100) -> int:
    """Send what is due; answers at how many approvals it looked."""
    due = Hold.objects.filter(remind_at__lte=db_now()).order_by("remind_at")
    ids = list(due.values_list("pk", flat=True)[:limit])
    for hold_id in ids:
        try:
            approval_remind(hold_id=hold_id)
        except Exception:  # one that is broken must not keep the others waiting
            log.exception("reminder_not_sent", hold_id=str(hold_id))
            Hold.objects.filter(pk=hold_id).update(remind_at=None)
    return len(ids)


@retry_on_deadlock
def approval_remind(*, hold_id: UUID) -> list[Run]:
    """The runs that tell somebody now; none where it was decided, or somebody else sends them."""
    with transaction.atomic():
        now = db_now()
        holds = Hold.objects.select_for_update(skip_locked=True, of=("self",))
        hold = holds.select_related("action").filter(pk=hold_id, remind_at__lte=now).first()
        if hold is None or hold.remind_at is None:
            return []
        if hold.taken and hold.status == HoldStatus.PENDING:
            return []  # it may be undone: then its reminder is still due
        if hold.status != HoldStatus.PENDING or hold.due_at <= now:
            hold.remind_at = None
            hold.save(update_fields=["remind_at"])
            return []
        policy = policy_for(hold.namespace, hold.tenant)
        begun = [one for one in policy.notices if hold.remind_at <= _moment(hold, one) <= now]
        runs = [run for one in begun if (run := _run(hold, one, now)) is not None]
        _note(hold, begun, policy, now)
        if runs:
            runs_insert(runs)
    return runs


def _moment(hold: Hold, notice: Notice) -> datetime:
    return hold.due_at - timedelta(seconds=notice.before_seconds)


def _note(hold: Hold, begun: list[Notice], policy: Policy, now: datetime) -> None:
    group = next((one.group for one in reversed(begun) if one.group), "")
    hold.escalated_to = group or hold.escalated_to
    hold.remind_at = next_notice_at(hold, policy, after=now)
    # Who may decide now must see it, whoever has put it off.
    hold.snoozed_until = None if group else hold.snoozed_until
    hold.save(update_fields=["escalated_to", "remind_at", "snoozed_until"])
    for one in begun:
        change = f"escalated to {one.group}" if one.group else f"{one.provider} reminded"
        journal_change(hold, SYSTEM_SOURCE, {"change": change})


def _run(hold: Hold, notice: Notice, now: datetime) -> Run | None:
    """None where no provider is named, or it is gone."""
    if notice.provider not in providers():
        return None
    action = stored_action(hold.action.body)
    shown = current_redactor().scrubber(action.payload, action.tainted)
    lifecycle = lifecycle_for(action.namespace, action.tenant, action.action_type)
    reminder = Reminder(
        approval_id=str(hold.pk),
        order=shown.text(hold.order_name),
        shop=f"{hold.tenant} / {hold.namespace}",
        amount=total_of(priced(shown.payload, lifecycle.spec if lifecycle else None)),
        rule=hold.rule,
        message=hold.message,
        expires_at=rfc3339(hold.due_at),
        left=span_text((hold.due_at - now).total_seconds()),
        url=sign_in_link(hold),
        group=notice.group,
    )
    kind = "approval_escalation" if notice.group else "approval_reminder"
    origin = {**action.stored(), "payload": FORMATS[notice.format](reminder), "action_type": kind}
    return run_of_notice(notice.provider, origin=origin, owner=NOBODY, now=now, until=hold.due_at)
