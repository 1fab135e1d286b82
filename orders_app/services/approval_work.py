"""Whose an approval is, and until when it is put off. Neither decides anything; both stand in the trail."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import rfc3339
from acteon_site.base.errors import invalid_field
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import Source
from orders_app.models import Hold
from orders_app.services.decisions import open_approval
from orders_app.services.holds import hold_clean, journal_change

PERMISSION = "orders_app.change_hold"


def approvers() -> QuerySet[User]:
    """Those who may decide approvals, wherever they have a role for it; by name."""
    people = User.objects.with_perm(PERMISSION, backend="django.contrib.auth.backends.ModelBackend")
    return people.filter(is_staff=True).select_related("person_roles").order_by("username")


@retry_on_deadlock
def approval_assign(
    *, hold_id: UUID, to: str, among: Collection[str], actor: str, source: Source, comment: str = ""
) -> Hold:
    """Give it to somebody ("": to nobody). Raises 404, 410, and 422 where it is none `among` who may."""
    if to and to not in among:
        raise invalid_field("to", f"{to[:150]} may not decide this approval")
    with transaction.atomic():
        hold = open_approval(hold_id, db_now())
        if hold.assigned_to == to:
            return hold
        before, hold.assigned_to = hold.assigned_to, to
        # Whom it is handed to must see it.
        hold.snoozed_until = None
        hold.save(update_fields=["assigned_to", "snoozed_until"])
        change = f"assigned to {to}" if to else f"no longer {before}'s"
        said = hold_clean(hold, comment)
        journal_change(hold, source, {"change": change, "by": actor, **({"comment": said} if said else {})})
    return hold


@retry_on_deadlock
def approval_snooze(*, hold_id: UUID, until: datetime | None, actor: str, source: Source) -> Hold:
    """Put it off, until a time before it expires; None brings it back. Raises 404, 410, 422."""
    with transaction.atomic():
        now = db_now()
        hold = open_approval(hold_id, now)
        if until is not None and not now < until < hold.due_at:
            raise invalid_field("until", "must be between now and the end of its time")
        hold.snoozed_until = until
        hold.save(update_fields=["snoozed_until"])
        change = f"put off until {rfc3339(until)}" if until else "no longer put off"
        journal_change(hold, source, {"change": change, "by": actor})
    return hold
