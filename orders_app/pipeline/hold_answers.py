"""What a held action answers: the same for the first caller, for repeats, and after a crash."""

from __future__ import annotations

from django.conf import settings

from acteon_site.base.clock_text import rfc3339
from orders_app.contract import outcomes
from orders_app.contract.approval_links import APPROVE, REJECT, LinkTarget, signed_link
from orders_app.contract.outcomes import Outcome
from orders_app.models import Hold
from orders_app.states import HoldKind


def hold_outcome(hold: Hold) -> Outcome:
    """PendingApproval or Scheduled, as the hold is now."""
    return (
        _pending_approval(hold)
        if hold.kind == HoldKind.APPROVAL
        else outcomes.scheduled(hold.action_id_text, hold.due_at)
    )


def _pending_approval(hold: Hold) -> Outcome:
    approve, reject = approval_links(hold) if settings.EMBEDDED else (sign_in_link(hold), sign_in_link(hold))
    content = {
        "approval_id": str(hold.pk),
        "expires_at": rfc3339(hold.due_at),
        "approve_url": approve,
        "reject_url": reject,
        "notification_sent": hold.notified,
    }
    return Outcome("PendingApproval", content)


def approval_links(hold: Hold) -> tuple[str, str]:
    """The signed links, for approving and for rejecting."""
    target = LinkTarget(hold.namespace, hold.tenant, str(hold.pk), int(hold.due_at.timestamp()))
    keys, base = settings.APPROVAL_KEYS, settings.PUBLIC_URL
    return signed_link(base, keys, target, APPROVE), signed_link(base, keys, target, REJECT)


def sign_in_link(hold: Hold) -> str:
    """Where a manager decides after signing in."""
    return f"{settings.PUBLIC_URL}/admin/orders_app/approval/{hold.pk}/change/"
