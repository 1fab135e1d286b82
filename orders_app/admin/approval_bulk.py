"""Several approvals at once: a page that shows for each what would happen, a confirmation, and what became of each.

Each is decided by itself, as on its own page: one that somebody else was faster with holds up none of the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from acteon_site.admin.buttons import actor_of, comment_of, reason_of, source_of
from acteon_site.admin.scoped import NOT_YOURS
from acteon_site.base.errors import AppError, forbidden
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Role
from orders_app.admin.approval_context import risk_words
from orders_app.admin.approval_list import viewer_of
from orders_app.admin.approval_live import taken_by
from orders_app.admin.approval_rows import asked_of
from orders_app.admin.payloads import amount_of
from orders_app.models import Approval, Hold
from orders_app.policies import policy_for
from orders_app.services.decisions import Verdict, approval_take, approval_undo
from orders_app.services.forecast import release_forecast
from orders_app.services.releases import approval_decide
from orders_app.states import Decision, HoldStatus
from orders_app.worth import worth_shown

if TYPE_CHECKING:
    from orders_app.admin.approvals import ApprovalAdmin

MOST = 100
TEMPLATE = "admin/orders_app/approval_bulk.html"
UNDO_ALL = "undo"


@dataclass(frozen=True, slots=True)
class Line:
    """One of those chosen. `able`: it would be decided, or it was; `expected`: it comes to what one expects."""

    pk: object
    url: str
    name: str
    shop: str
    amount: str
    risk: str
    told: str
    able: bool
    expected: bool = True


def bulk_page(request: HttpRequest, page: ApprovalAdmin) -> HttpResponse:
    """POST with ids shows what would happen; with `confirm` it does it. GET leads to the list."""
    if not page.may_act(request):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    asked = asked_of(request.POST)
    list_url = f"{page.url_of('changelist')}?{asked.text()}"
    if request.POST.get("decision") == UNDO_ALL:
        page.message_user(request, _undone(request))
        return HttpResponseRedirect(list_url)
    if request.POST.get("decision") not in Decision.values:
        return HttpResponseRedirect(list_url)
    decision = Decision(request.POST["decision"])
    rows = _chosen(request, page)
    done = request.POST.get("confirm") == "yes"
    lines = _decided(request, page, rows, decision) if done else _foreseen(request, page, rows, decision)
    frame = {**page.admin_site.each_context(request), "opts": page.opts}
    shown = {
        "decision": decision,
        "done": done,
        "lines": lines,
        "able": sum(line.able for line in lines),
        "sums": _sums(rows, lines),
        "list_url": list_url,
        "list_text": asked.text(),
        "undo_seconds": settings.APPROVAL_UNDO_SECONDS,
        **_reasons(rows),
    }
    title = f"{'Approve' if decision == Decision.APPROVE else 'Reject'} {len(rows)}"
    return TemplateResponse(request, TEMPLATE, {**frame, "title": title, **shown})


def _chosen(request: HttpRequest, page: ApprovalAdmin) -> list[Approval]:
    """In the order in which they were listed."""
    ids = [pk for text in request.POST.getlist("id")[:MOST] if (pk := as_uuid(text))]
    found = page.get_queryset(request).defer(None).select_related("action", "order").in_bulk(ids)
    return [found[pk] for pk in dict.fromkeys(ids) if pk in found]


def _foreseen(
    request: HttpRequest, page: ApprovalAdmin, rows: Sequence[Approval], decision: Decision
) -> list[Line]:
    now, viewer = timezone.now(), actor_of(request)
    return [
        _line(page, hold, *_foresight(hold, decision, viewer, now))
        if page.may_act(request, hold)
        else _line(page, hold, NOT_YOURS, False, False)
        for hold in rows
    ]


def _foresight(hold: Hold, decision: Decision, viewer: str, now: datetime) -> tuple[str, bool, bool]:
    """What would happen, whether the decision could be taken, and whether it comes to what is expected."""
    if problem := _problem(hold, decision, viewer, now):
        return problem, False, False
    if decision == Decision.REJECT:
        return "the order ends; the shop may place it again", True, True
    if hold.approvers > 1 and not hold.first_by:
        return "waits for a second person's approval", True, True
    told, expected = release_forecast(hold, now)
    return told, True, expected


def _problem(hold: Hold, decision: Decision, viewer: str, now: datetime) -> str:
    if hold.status != HoldStatus.PENDING:
        return f"it is {hold.status} already"
    if hold.taken:
        return f"{hold.taken_by} has decided it"
    if hold.due_at <= now:
        return "its time is over"
    if decision == Decision.REJECT:
        return ""
    if policy_for(hold.namespace, hold.tenant).placed_by(hold.context.get("caller_id", ""), viewer):
        return "you placed it, and nobody approves what they placed"
    return "you approved it already; it waits for another person" if hold.first_by == viewer else ""


def _decided(
    request: HttpRequest, page: ApprovalAdmin, rows: Sequence[Approval], decision: Decision
) -> list[Line]:
    verdict = Verdict(
        decision, actor_of(request), source_of(request), reason_of(request), comment_of(request)
    )
    delay = timedelta(seconds=settings.APPROVAL_UNDO_SECONDS)
    lines = []
    for hold in rows:
        try:
            if not page.may_act(request, hold):
                raise forbidden(NOT_YOURS)
            told = _take(hold, verdict, delay)
        except AppError as error:
            lines.append(_line(page, hold, error.message, False, False))
        else:
            lines.append(_line(page, hold, told, True, True))
    return lines


def _take(hold: Hold, verdict: Verdict, delay: timedelta) -> str:
    if delay:
        taken = approval_take(hold_id=hold.pk, verdict=verdict, delay=delay)
        return "can still be undone" if taken.taken else "waits for a second person"
    made = approval_decide(hold_id=hold.pk, verdict=verdict)
    if made.lacks_second:
        return "waits for a second person"
    return made.outcome.trail_name.replace("_", " ") if made.outcome else "done"


def _undone(request: HttpRequest) -> str:
    count = 0
    for hold_id in list(taken_by(viewer_of(request, Role.OPERATOR)).values_list("pk", flat=True)):
        try:
            approval_undo(hold_id=hold_id, actor=actor_of(request), source=source_of(request))
            count += 1
        except AppError:  # it took effect meanwhile
            continue
    return f"{count} undone. They wait for a decision again."


def _line(page: ApprovalAdmin, hold: Hold, told: str, able: bool, expected: bool) -> Line:
    return Line(
        pk=hold.pk,
        url=page.url_of("change", hold.pk),
        name=hold.order_name,
        shop=f"{hold.tenant} / {hold.namespace}",
        amount=amount_of(hold),
        risk=risk_words(hold.risk)[0],
        told=told,
        able=able,
        expected=expected,
    )


def _sums(rows: Sequence[Hold], lines: Sequence[Line]) -> str:
    """What those are worth that are able, by currency."""
    able = {line.pk for line in lines if line.able}
    sums: Counter[str] = Counter()
    for hold in rows:
        if hold.pk in able and hold.worth >= 0:
            sums[hold.currency] += hold.worth
    return " and ".join(worth_shown(worth, code) for code, worth in sorted(sums.items()))


def _reasons(rows: Sequence[Hold]) -> dict[str, Any]:
    """Those that all of their namespaces have; free text where none of them has a list."""
    policies = [policy_for(*scope) for scope in {(hold.namespace, hold.tenant) for hold in rows}]
    lists = [policy.reasons for policy in policies if policy.reasons]
    shared = tuple(reason for reason in lists[0] if all(reason in other for other in lists)) if lists else ()
    return {
        "reasons": shared,
        "free_reason": not lists,
        "reason_required": any(one.reason_required for one in policies),
    }
