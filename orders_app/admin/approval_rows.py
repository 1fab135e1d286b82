"""The list of approvals as a page: its filters, its rows, and what can be done with several at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from acteon_site.admin.home import bounded_count
from acteon_site.admin.times import countdown
from acteon_site.base.clock_text import ago, moment
from audit_app.admin.filters import scopes_seen
from orders_app.admin.approval_context import risk_words, taken_context
from orders_app.admin.approval_list import (
    SORTS,
    STATES,
    WHOSE,
    ListQuery,
    approvals_matching,
    approvals_page,
    viewer_of,
)
from orders_app.admin.approval_live import EVERY_SECONDS, versions
from orders_app.admin.holds import COLORS, status_of
from orders_app.admin.payloads import amount_of
from orders_app.models import Approval, SavedFilter
from orders_app.states import HoldStatus

if TYPE_CHECKING:
    from orders_app.admin.approvals import ApprovalAdmin

MOST_SAVED = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list. `note` says what else there is to know before one opens it."""

    pk: object
    url: str
    name: str
    shop: str
    amount: str
    rule: str
    message: str
    risk: str
    risk_colour: str
    risk_why: str
    time: SafeString | str
    status: str
    colour: str
    note: str
    is_open: bool


def list_page(request: HttpRequest, page: ApprovalAdmin) -> TemplateResponse:
    if not page.has_view_permission(request):
        raise PermissionDenied
    asked, viewer = ListQuery.read(request.GET.dict()), viewer_of(request)
    rows, after = approvals_page(asked, viewer)
    taken = taken_context(request)
    frame = {**page.admin_site.each_context(request), "opts": page.opts, "title": "Approvals"}
    context = {
        "asked": asked,
        "rows": [_row(page, asked, row) for row in rows],
        "count": bounded_count(approvals_matching(asked, viewer)),
        "next_text": asked.text(after=after) if after else "",
        "first_text": asked.text(after=""),
        "list_text": asked.text(),
        "states": STATES.items(),
        "sorts": SORTS.items(),
        "whose": WHOSE.items(),
        "shops": [(f"{ns}:{tenant}", f"{tenant} / {ns}") for ns, tenant in scopes_seen(request)],
        "saved": SavedFilter.objects.filter(owner=viewer.name).order_by("name")[:MOST_SAVED],
        "may_act": page.may_act(request),
        "undo_seconds": settings.APPROVAL_UNDO_SECONDS,
        "versions": versions(rows, [one["pk"] for one in taken["taken"]], viewer),
        "every": EVERY_SECONDS,
        "expired_url": reverse("admin:orders_app_approval_expired"),
    }
    shown = {**frame, **context, **taken}
    return TemplateResponse(request, "admin/orders_app/approvals.html", shown)


def asked_of(given: QueryDict) -> ListQuery:
    """The list that a page of one approval was reached from."""
    return ListQuery.read(QueryDict(given.get("list", "")[:2000]).dict())


def _row(page: ApprovalAdmin, asked: ListQuery, hold: Approval) -> Row:
    risk, colour = risk_words(hold.risk)
    return Row(
        pk=hold.pk,
        url=page.page_url(hold.pk, asked),
        name=hold.order_name,
        shop=f"{hold.tenant} / {hold.namespace}",
        amount=amount_of(hold),
        rule=hold.rule,
        message=hold.message,
        risk=risk,
        risk_colour=colour,
        risk_why="; ".join(hold.risk_reasons or ()),
        time=_time(hold),
        status="decided" if hold.taken and hold.status == HoldStatus.PENDING else status_of(hold),
        colour=COLORS.get(status_of(hold), ""),
        note=_note(hold),
        is_open=page.is_open(hold),
    )


def _time(hold: Approval) -> SafeString | str:
    if hold.status == HoldStatus.PENDING:
        return countdown(hold.due_at)
    return f"{ago(hold.decided_at)} by {hold.decided_by or 'nobody'}" if hold.decided_at else "-"


def _note(hold: Approval) -> str:
    notes: list[Any] = []
    if hold.taken and hold.status == HoldStatus.PENDING:
        notes.append(f"{hold.taken} by {hold.taken_by}")
    if hold.approvers > 1 and hold.status == HoldStatus.PENDING:
        notes.append(
            f"approved by {hold.first_by}, needs a second" if hold.first_by else "needs two approvers"
        )
    if hold.escalated_to:
        notes.append(f"escalated to {hold.escalated_to}")
    if hold.assigned_to:
        notes.append(f"{hold.assigned_to}'s")
    if hold.snoozed_until and hold.snoozed_until > timezone.now():
        notes.append(f"put off until {moment(hold.snoozed_until)}")
    return ", ".join(notes)
