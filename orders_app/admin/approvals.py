"""The manager's pages: the list of what waits for a decision, and one of it with all that helps to decide."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path
from django.utils import timezone

from acteon_site.admin.buttons import (
    COMMENT,
    REASON,
    Button,
    ButtonResult,
    actor_of,
    comment_of,
    reason_of,
    source_of,
)
from acteon_site.base.clock_text import moment
from acteon_site.base.errors import invalid_field
from acteon_site.base.ids import as_uuid
from acteon_site.base.replica import read_whole
from orders_app.admin import approval_bulk, approval_expired, approval_filters
from orders_app.admin.approval_context import (
    approvers_of,
    past_context,
    risk_words,
    snooze_until,
    taken_context,
    work_context,
)
from orders_app.admin.approval_list import ListQuery, approval_after, viewer_of
from orders_app.admin.approval_live import EVERY_SECONDS, versions, versions_now
from orders_app.admin.approval_results import approval_result
from orders_app.admin.approval_rows import asked_of, list_page
from orders_app.admin.holds import HoldAdmin
from orders_app.admin.ledger import ledger_context
from orders_app.admin.payloads import amount_of
from orders_app.contract.approval_links import APPROVE, REJECT
from orders_app.models import Approval, Hold
from orders_app.policies import policy_for
from orders_app.services.approval_work import approval_assign, approval_snooze
from orders_app.services.decisions import Verdict, approval_take, approval_undo
from orders_app.services.releases import Made, approval_decide
from orders_app.states import Decision, HoldKind, HoldStatus

UNDO, ASSIGN, SNOOZE = "undo", "assign", "snooze"


@admin.register(Approval)
class ApprovalAdmin(HoldAdmin):
    act_codename = "orders_app.change_hold"
    kinds = (HoldKind.APPROVAL,)
    change_form_template = "admin/orders_app/approval.html"
    buttons = (APPROVE, REJECT, UNDO, ASSIGN, SNOOZE)

    def get_urls(self) -> list[URLPattern]:
        pages = {
            "states": self.states,
            "bulk": lambda request: approval_bulk.bulk_page(request, self),
            "expired": lambda request: approval_expired.expired_page(request, self),
            "filters": lambda request: approval_filters.filters_page(request, self),
        }
        own = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"orders_app_approval_{name}")
            for name, view in pages.items()
        ]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return read_whole(lambda: list_page(request, self).render())

    def states(self, request: HttpRequest) -> JsonResponse:
        """By part of a page whether it is behind."""
        if not self.has_view_permission(request):
            return JsonResponse({}, status=403)
        ids = [pk for text in request.GET.getlist("id") if (pk := as_uuid(text))]
        return JsonResponse(versions_now(ids, viewer_of(request)), headers={"Cache-Control": "no-store"})

    def details(self, request: HttpRequest, obj: Hold) -> dict[str, Any]:
        viewer, is_open = actor_of(request), self.is_open(obj)
        asked = asked_of(request.GET)
        following, taken = approval_after(asked, viewer_of(request), obj), taken_context(request)
        shown = {
            **super().details(request, obj),
            **past_context(request, obj),
            **ledger_context(request, obj.order if obj.order and obj.order.refund_state else None),
            **taken,
            "decided": _decided(obj),
            "not_permitted": is_open and not self.may_act(request, obj),
            "own": is_open and _policy(obj).placed_by(obj.context.get("caller_id", ""), viewer),
            "risk": risk_words(obj.risk),
            "list_text": asked.text(),
            "next_url": self.page_url(following, asked) if following else "",
            "versions": versions([obj], [one["pk"] for one in taken["taken"]], viewer_of(request)),
            "every": EVERY_SECONDS,
        }
        return shown | (work_context(obj, viewer) if is_open and self.may_act(request, obj) else {})

    def page_url(self, pk: object, asked: ListQuery) -> str:
        text = asked.text()
        return self.url_of("change", pk) + (f"?{urlencode({'list': text})}" if text else "")

    def is_open(self, hold: Hold) -> bool:
        return super().is_open(hold) and hold.due_at > timezone.now() and not hold.taken

    def buttons_for(self, hold: Hold) -> list[Button]:
        what = f"{hold.order_name} for {amount_of(hold)}"
        reasons, seconds = _policy(hold).reasons, settings.APPROVAL_UNDO_SECONDS
        undo = f"You can undo it for {seconds} seconds." if seconds else "This cannot be taken back."
        then = "The remaining rules are asked, then the order goes on."
        if hold.approvers > 1 and not hold.first_by:
            then, undo = "It then waits for a second person.", "You can undo it until then."
        approve = Button(
            "Approve",
            self.url_of(APPROVE, hold.pk),
            f"Approve {what}? {then} {undo}",
            "Yes, approve",
            "good",
            comment=COMMENT,
            shortcut="a",
        )
        reject = Button(
            "Reject",
            self.url_of(REJECT, hold.pk),
            f"Reject {what}? The shop may place the order again.",
            "Yes, reject",
            "bad",
            reason="Reason" if _policy(hold).reason_required else REASON,
            required=_policy(hold).reason_required,
            reasons=reasons,
            comment=COMMENT if reasons else "",
            shortcut="r",
        )
        return [approve, reject]

    def press(self, request: HttpRequest, obj: Approval, name: str) -> ButtonResult:
        who: dict[str, Any] = {"actor": actor_of(request), "source": source_of(request)}
        if name == UNDO:
            approval_undo(hold_id=obj.pk, **who)
            return ButtonResult("Undone. It waits for a decision again.", messages.INFO)
        if name == ASSIGN:
            to = request.POST.get("to", "")[:150]
            among = approvers_of(obj)
            approval_assign(hold_id=obj.pk, to=to, among=among, comment=comment_of(request), **who)
            return ButtonResult(f"It is {to}'s now." if to else "It is nobody's now.", messages.INFO)
        if name == SNOOZE:
            return self._snooze(request, obj, who)
        return self._decide(request, obj, name)

    def _snooze(self, request: HttpRequest, obj: Approval, who: dict[str, Any]) -> ButtonResult:
        choice = request.POST.get("to", "")
        try:
            until = snooze_until(choice, timezone.now()) if choice else None
        except KeyError:
            raise invalid_field("to", "is no choice") from None
        approval_snooze(hold_id=obj.pk, until=until, **who)
        return ButtonResult(
            f"Put off until {moment(until)}." if until else "Back in the list.", messages.INFO
        )

    def _decide(self, request: HttpRequest, obj: Approval, name: str) -> ButtonResult:
        verdict = verdict_of(request, Decision(name))
        delay = timedelta(seconds=settings.APPROVAL_UNDO_SECONDS)
        # Found before: the decided one may not be among those that are asked for.
        following = approval_after(asked_of(request.POST), viewer_of(request), obj)
        if delay:
            made = Made(approval_take(hold_id=obj.pk, verdict=verdict, delay=delay))
            asked = asked_of(request.POST)
            obj.__dict__["_following"] = (
                self.page_url(following, asked)
                if following
                else f"{self.url_of('changelist')}?{asked.text()}"
            )
        else:
            made = approval_decide(hold_id=obj.pk, verdict=verdict)
        return _result(made, name)

    def landing(self, row: Any, name: str) -> str:
        """After a decision that can be undone, the next one to decide."""
        return str(row.__dict__.get("_following") or super().landing(row, name))


def verdict_of(request: HttpRequest, decision: Decision) -> Verdict:
    return Verdict(decision, actor_of(request), source_of(request), reason_of(request), comment_of(request))


def _result(made: Made, name: str) -> ButtonResult:
    if made.lacks_second:
        return ButtonResult("Approved. It waits for a second person's approval.", messages.INFO)
    if made.hold.taken:
        verb = "Approved" if name == APPROVE else "Rejected"
        return ButtonResult(f"{verb}. You can still undo it.", messages.INFO)
    if name == APPROVE:
        return approval_result(made.outcome)
    return ButtonResult("Rejected. The order is not carried out.")


def _policy(hold: Hold) -> Any:
    return policy_for(hold.namespace, hold.tenant)


def _decided(hold: Hold) -> str:
    if hold.taken and hold.status == HoldStatus.PENDING:
        return f"{hold.taken.capitalize()} by {hold.taken_by}, takes effect at {moment(hold.next_run_at)}"
    if hold.status == HoldStatus.PENDING:
        return ""
    who = f" by {hold.decided_by}" if hold.decided_by else ""
    first = f" (first {hold.first_by})" if hold.first_by and hold.status == HoldStatus.APPROVED else ""
    return f"{hold.status.capitalize()}{who}{first}, {moment(hold.decided_at)}"
