"""Deciding an approval: at once, or taken now and in effect some seconds later, so that it can be undone until then.

The hold's row is locked first (lock order: hold, order, gate rows), and what it says then decides: of all who decide,
undo, cancel or let expire at the same time exactly one wins. A decision that was taken in time stands, however late the
sweeper carries it out. docs/decisions/approvals.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import rfc3339
from acteon_site.base.errors import AppError, conflict, not_found
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import Source
from audit_app.services.journal import Journal
from orders_app.models import Hold
from orders_app.policies import policy_for
from orders_app.services.holds import (
    already_decided,
    hold_clean,
    hold_order_end,
    journal_change,
    journal_decision,
)
from orders_app.states import Decision, HoldKind, HoldStatus

# The request that approved releases the order itself; the sweeper takes over where it did not.
HEAD_START = timedelta(seconds=5)
# Of who decided, what the trail says as well when it takes effect later.
KEPT_OF_SOURCE = ("auth_method", "request_id", "address", "agent")
STATUS_OF = {Decision.APPROVE: HoldStatus.APPROVED, Decision.REJECT: HoldStatus.REJECTED}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody decides, and why: a reason from the list, and what they add to it."""

    decision: Decision
    actor: str
    source: Source
    reason: str = ""
    comment: str = ""


@retry_on_deadlock
def approval_take(*, hold_id: UUID, verdict: Verdict, delay: timedelta = timedelta(0)) -> Hold:
    """Decide, in effect at once or after `delay`; of two approvers the first leaves it waiting for the second.

    Raises 404 (unknown, or its time is over), 410 (decided or taken), 409 SAME_APPROVER, 403 OWN_ORDER, 422 without the
    reason that is required.
    """
    with transaction.atomic():
        now = db_now()
        hold = open_approval(hold_id, now)
        _check_may_decide(hold, verdict)
        if verdict.decision == Decision.APPROVE and hold.approvers > 1 and not hold.first_by:
            _note_first(hold, verdict, now)
        elif delay:
            _note_taken(hold, verdict, now, now + delay)
        else:
            _decide(hold, verdict, now, now)
    return hold


@retry_on_deadlock
def approval_undo(*, hold_id: UUID, actor: str, source: Source) -> Hold:
    """Take one's own decision back while it has no effect. Raises 404, 403 where it is not theirs, 410 too late."""
    with transaction.atomic():
        now = db_now()
        hold = _locked(hold_id)
        if hold.status != HoldStatus.PENDING or not (hold.taken or hold.first_by):
            raise AppError("it has taken effect already", "TOO_LATE", 410)
        if hold.taken and hold.next_run_at is not None and hold.next_run_at <= now:
            raise AppError("it has taken effect already", "TOO_LATE", 410)
        if (hold.taken_by if hold.taken else hold.first_by) != actor:
            raise AppError("only who decided may take it back", "FORBIDDEN", 403)
        change = f"{hold.taken} undone" if hold.taken else "first approval undone"
        if hold.taken:
            _write(hold, taken="", taken_by="", taken_at=None, taken_with=None, next_run_at=hold.due_at)
        else:
            _write(hold, first_by="", first_at=None)
        journal_change(hold, source, {"change": change, "by": actor})
    return hold


@retry_on_deadlock
def approval_carry_out(*, hold_id: UUID) -> Hold | None:
    """Put a taken decision whose seconds are over into effect; None where there is none (any more)."""
    with transaction.atomic():
        now = db_now()
        hold = (
            Hold.objects.select_for_update(of=("self",)).select_related("action").filter(pk=hold_id).first()
        )
        if hold is None or hold.status != HoldStatus.PENDING or not hold.taken:
            return None
        if hold.next_run_at is None or hold.next_run_at > now:
            return None
        taken = hold.taken_with or {}
        source = Source(hold.taken_by, *(taken.get(name, "") for name in KEPT_OF_SOURCE))
        verdict = Verdict(
            Decision(hold.taken), hold.taken_by, source, taken.get("reason", ""), taken.get("comment", "")
        )
        _decide(hold, verdict, hold.taken_at or now, now)
    return hold


def open_approval(hold_id: UUID, now: datetime) -> Hold:
    """Locked. Raises 404 (unknown, or its time is over), 410 (decided or taken)."""
    hold = _locked(hold_id)
    if hold.status == HoldStatus.PENDING and not hold.taken:
        if hold.due_at > now:
            return hold
        raise _no_approval()
    raise _no_approval() if hold.status == HoldStatus.EXPIRED else already_decided()


def _locked(hold_id: UUID) -> Hold:
    holds = Hold.objects.select_for_update(of=("self",)).select_related("action")
    hold = holds.filter(pk=hold_id, kind=HoldKind.APPROVAL).first()
    if hold is None:
        raise _no_approval()
    return hold


def _no_approval() -> AppError:
    return not_found("no such approval, or its time is over")


def _check_may_decide(hold: Hold, verdict: Verdict) -> None:
    policy = policy_for(hold.namespace, hold.tenant)
    if verdict.decision == Decision.REJECT:
        if problem := policy.reason_problem(verdict.reason):
            raise AppError(f"reason: {problem}", "VALIDATION", 422)
        return
    if policy.placed_by(hold.context.get("caller_id", ""), verdict.actor):
        raise AppError("you placed this order, and nobody approves what they placed", "OWN_ORDER", 403)
    if hold.first_by and hold.first_by == verdict.actor:
        raise conflict("you approved it already; the second approval is another person's", "SAME_APPROVER")


def _note_first(hold: Hold, verdict: Verdict, now: datetime) -> None:
    _write(hold, first_by=verdict.actor, first_at=now)
    journal_change(hold, verdict.source, {"change": "approved by the first of two", **_why(hold, verdict)})


def _note_taken(hold: Hold, verdict: Verdict, now: datetime, effect: datetime) -> None:
    why = _why(hold, verdict)
    how = {name: getattr(verdict.source, name) for name in KEPT_OF_SOURCE} | why
    _write(
        hold,
        taken=verdict.decision,
        taken_by=verdict.actor,
        taken_at=now,
        taken_with=how,
        next_run_at=effect,
    )
    details = {"change": f"{verdict.decision} taken", **why, "takes_effect_at": rfc3339(effect)}
    journal_change(hold, verdict.source, details)


def _decide(hold: Hold, verdict: Verdict, decided_at: datetime, now: datetime) -> None:
    """In effect from now on: an approval's release is due, a rejected order may be placed anew."""
    approved, source = verdict.decision == Decision.APPROVE, verdict.source
    carried_out = bool(hold.taken)
    ends: dict[str, Any] = {"next_run_at": now if carried_out else now + HEAD_START}
    if not approved:
        ends = {"next_run_at": None, "ended_at": now}
    status = STATUS_OF[verdict.decision]
    _write(hold, status=status, decided_at=decided_at, decided_by=verdict.actor, taken="", **ends)
    journal = Journal(source)
    why = _why(hold, verdict)
    notes: dict[str, str] = {name: text for name, text in why.items() if name != "by"}
    if hold.first_by and approved:
        notes["first_approved_by"] = hold.first_by
    journal_decision(journal, hold, verdict.actor, **notes)
    if not approved:
        told = ": ".join(text for text in (why.get("reason"), why.get("comment")) if text)
        hold_order_end(hold, told or f"rejected by {verdict.actor}", now)
    journal.write()


def _why(hold: Hold, verdict: Verdict) -> dict[str, str]:
    told = {"reason": hold_clean(hold, verdict.reason), "comment": hold_clean(hold, verdict.comment)}
    return {"by": verdict.actor, **{name: text for name, text in told.items() if text}}


def _write(hold: Hold, **columns: Any) -> None:
    for name, value in columns.items():
        setattr(hold, name, value)
    hold.save(update_fields=list(columns))
