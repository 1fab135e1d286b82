"""The manager's page: what waits for a decision, what it is about, and the two buttons."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, F, IntegerField, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from acteon_site.admin.buttons import REASON, Button, ButtonResult, actor_of, reason_of, source_of
from acteon_site.admin.times import countdown
from acteon_site.base.clock_text import ago, moment
from orders_app.admin.approval_results import approval_result
from orders_app.admin.filters import ApprovalState
from orders_app.admin.holds import HoldAdmin
from orders_app.admin.payloads import amount_of
from orders_app.contract.approval_links import APPROVE, REJECT
from orders_app.models import Approval, Hold
from orders_app.services.releases import approval_decide
from orders_app.states import HoldKind, HoldStatus

PENDING_FIRST = Case(
    When(status=HoldStatus.PENDING, then=Value(0)), default=Value(1), output_field=IntegerField()
)
SOONEST_FIRST = Case(When(status=HoldStatus.PENDING, then=F("due_at")))


@admin.register(Approval)
class ApprovalAdmin(HoldAdmin):
    act_codename = "orders_app.change_hold"
    kinds = (HoldKind.APPROVAL,)
    list_display = ("order_link", "shop", "amount", "rule", "message", "time_left", "shown_status")
    list_filter = (ApprovalState,)
    change_form_template = "admin/orders_app/approval.html"
    buttons = (APPROVE, REJECT)
    empty_title = "Nothing waits for a decision"
    empty_text = "Orders that a rule holds for approval appear here by themselves."

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        state = request.GET.get(ApprovalState.parameter_name)
        if state == HoldStatus.PENDING:
            return ("due_at", "-id")
        if state:
            return ("-id",)
        return (PENDING_FIRST.asc(), SOONEST_FIRST.asc(nulls_last=True), "-id")

    @display(description="Time left")
    def time_left(self, hold: Approval) -> SafeString | str:
        if hold.status == HoldStatus.PENDING:
            return countdown(hold.due_at)
        return f"{ago(hold.decided_at)} by {hold.decided_by or 'nobody'}" if hold.decided_at else "-"

    def details(self, request: HttpRequest, obj: Hold) -> dict[str, Any]:
        not_permitted = self.is_open(obj) and not self.may_act(request, obj)
        return {**super().details(request, obj), "decided": _decided(obj), "not_permitted": not_permitted}

    def is_open(self, hold: Hold) -> bool:
        return super().is_open(hold) and hold.due_at > timezone.now()

    def buttons_for(self, hold: Hold) -> list[Button]:
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
        outcome = approval_decide(
            hold_id=obj.pk,
            decision=name,
            actor=actor_of(request),
            source=source_of(request),
            reason=reason_of(request),
        )
        if name == APPROVE:
            return approval_result(outcome)
        return ButtonResult("Rejected. The order is not carried out.")


def _decided(hold: Hold) -> str:
    if hold.status == HoldStatus.PENDING:
        return ""
    who = f" by {hold.decided_by}" if hold.decided_by else ""
    return f"{hold.status.capitalize()}{who}, {moment(hold.decided_at)}"
