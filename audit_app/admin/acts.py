"""What the trail says that a person did."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from acteon_site.admin.acts_page import Act, Window
from acteon_site.admin.scoped import visible
from audit_app.models import AuditRecord
from audit_app.services.legal_holds import HOLD_TYPE

METHODS = ("admin", "token")  # as the index audit_person has them
UNREAD = ("action_payload", "verdict_details", "outcome_details", "metadata")


def acts_in_trail(request: HttpRequest, window: Window) -> list[Act]:
    """In the admin a person stands there by his name, by API with a mark before it."""
    names = (window.username, f"user:{window.username}")
    records = AuditRecord.objects.filter(caller_id__in=names, auth_method__in=METHODS).defer(*UNREAD)
    # Legal holds are noted in words (`LegalHoldAdmin.note`): they are not told twice.
    told = visible(request, records.exclude(action_type=HOLD_TYPE))
    return [_act(row) for row in window.part(told, "dispatched_at")]


def _act(row: AuditRecord) -> Act:
    return Act(
        row.dispatched_at,
        row.pk,
        row.outcome.replace("_", " "),
        row.action_id or row.provider,
        f"{row.tenant} / {row.namespace}" if row.tenant else "",
        reverse("admin:audit_app_auditrecord_change", args=[row.pk]),
        row.caller_address,
        row.caller_agent,
    )
