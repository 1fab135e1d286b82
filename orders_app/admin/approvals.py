"""The manager's page: what waits for a decision, what it is about, and the two buttons."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, F, IntegerField, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from acteon_site.admin.buttons import (
    REASON,
    Button,
    ButtonPagesAdmin,
    ButtonResult,
    actor_of,
    reason_of,
    source_of,
)
from acteon_site.admin.times import countdown
from acteon_site.base.clock_text import ago, moment
from orders_app.admin.approval_results import approval_result
from orders_app.admin.filters import ApprovalState
from orders_app.admin.payloads import amount_of, payload_of, payload_rows
from orders_app.admin.trail import shown_rule, trail_of
from orders_app.api.views_approvals import decide
from orders_app.contract.approval_links import APPROVE, REJECT
from orders_app.models import Approval
from orders_app.states import HoldKind, HoldStatus

COLORS = {"waiting": "warning", "approved": "success", "rejected": "danger"}
PENDING_FIRST = Case(
    When(status=HoldStatus.PENDING, then=Value(0)), default=Value(1), output_field=IntegerField()
)
SOONEST_FIRST = Case(When(status=HoldStatus.PENDING, then=F("due_at")))


@admin.register(Approval)
class ApprovalAdmin(ButtonPagesAdmin):
    view_codename = "orders_app.view_hold"
    act_codename = "orders_app.change_hold"
    list_display = ("order_link", "shop", "amount", "rule", "message", "time_left", "shown_status")
    list_filter = (ApprovalState,)
    change_form_template = "admin/orders_app/approval.html"
    buttons = (APPROVE, REJECT)
    empty_title = "Nothing waits for a decision"
    empty_text = "Orders that a rule holds for approval appear here by themselves."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Approval]:
        holds: QuerySet[Approval] = super().get_queryset(request).filter(kind=HoldKind.APPROVAL)
        return holds.select_related("action", "order").defer("outcome", "context", "cleared", "passed")

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        state = request.GET.get(ApprovalState.parameter_name)
        if state == HoldStatus.PENDING:
            return ("due_at", "-id")
        if state:
            return ("-id",)
        return (PENDING_FIRST.asc(), SOONEST_FIRST.asc(nulls_last=True), "-id")

    @display(description="Order")
    def order_link(self, hold: Approval) -> str:
        return hold.order_name

    @display(description="Shop")
    def shop(self, hold: Approval) -> str:
        return f"{hold.tenant} / {hold.namespace}"

    @display(description="Amount")
    def amount(self, hold: Approval) -> str:
        return amount_of(hold)

    @display(description="Time left")
    def time_left(self, hold: Approval) -> SafeString | str:
        if hold.status == HoldStatus.PENDING:
            return countdown(hold.due_at)
        return f"{ago(hold.decided_at)} by {hold.decided_by or 'nobody'}" if hold.decided_at else "-"

    @display(description="Status", label=COLORS)
    def shown_status(self, hold: Approval) -> str:
        return status_of(hold)

    def details(self, request: HttpRequest, obj: Approval) -> dict[str, Any]:
        waits = obj.status == HoldStatus.PENDING and obj.due_at > timezone.now()
        payload = payload_of(obj)
        return {
            "hold": obj,
            "title": obj.order_name,
            "amount": amount_of(obj),
            "status": status_of(obj),
            "waits": waits,
            "time_left": countdown(obj.due_at) if waits else "",
            "decided": _decided(obj),
            "rule": shown_rule(request, obj.rule),
            "payload": payload_rows(payload),
            "trail": trail_of(request, obj),
            "buttons": self._buttons(obj) if waits and self.may_act(request) else [],
            "not_permitted": waits and not self.may_act(request),
        }

    def _buttons(self, hold: Approval) -> list[Button]:
        what = f"{hold.order_name} for {amount_of(hold)}"
        approve = Button(
            "Approve",
            self.url_of(APPROVE, hold.pk),
            f"Approve {what}? The remaining rules are asked, then the order goes on. This cannot be taken back.",
            "Yes, approve",
            "good",
        )
        reject = Button(
            "Reject",
            self.url_of(REJECT, hold.pk),
            f"Reject {what}? The shop may place the order again.",
            "Yes, reject",
            "bad",
            reason=REASON,
        )
        return [approve, reject]

    def press(self, request: HttpRequest, obj: Approval, name: str) -> ButtonResult:
        answer = decide(obj, name, actor_of(request), source_of(request), reason_of(request))
        return (
            approval_result(answer["outcome"])
            if name == APPROVE
            else ButtonResult("Rejected. The order is not carried out.")
        )


def status_of(hold: Approval) -> str:
    return "waiting" if hold.status == HoldStatus.PENDING else hold.status


def _decided(hold: Approval) -> str:
    if hold.status == HoldStatus.PENDING:
        return ""
    who = f" by {hold.decided_by}" if hold.decided_by else ""
    return f"{hold.status.capitalize()}{who}, {moment(hold.decided_at)}"
