"""What waits for its time or its turn, and the button that ends the waiting."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
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
from orders_app.admin.filters import WaitingState
from orders_app.admin.payloads import amount_of, payload_of, payload_rows
from orders_app.admin.trail import shown_rule, trail_of
from orders_app.models import WaitingOrder
from orders_app.services.holds import hold_cancel
from orders_app.states import HoldKind, HoldStatus

COLORS = {"waiting": "warning", "released": "success"}
CANCEL = "cancel"


@admin.register(WaitingOrder)
class WaitingOrderAdmin(ButtonPagesAdmin):
    view_codename = "orders_app.view_hold"
    # As in the API: who may cancel orders may cancel these, and approving is another right.
    act_codename = "orders_app.change_order"
    list_display = ("order_link", "shop", "amount", "waits_for", "due", "shown_status", "problem")
    list_filter = (WaitingState,)
    change_form_template = "admin/orders_app/waiting.html"
    buttons = (CANCEL,)
    empty_title = "Nothing waits"
    empty_text = "Orders that a rule holds until later, or that were throttled on release, appear here."

    def get_queryset(self, request: HttpRequest) -> QuerySet[WaitingOrder]:
        kinds = (HoldKind.SCHEDULE, HoldKind.TURN)
        holds: QuerySet[WaitingOrder] = super().get_queryset(request).filter(kind__in=kinds)
        return holds.select_related("action", "order").defer("outcome", "context", "cleared", "passed")

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return ("-id",) if request.GET.get(WaitingState.parameter_name) else ("due_at", "id")

    @display(description="Order")
    def order_link(self, hold: WaitingOrder) -> str:
        return hold.order_name

    @display(description="Shop")
    def shop(self, hold: WaitingOrder) -> str:
        return f"{hold.tenant} / {hold.namespace}"

    @display(description="Amount")
    def amount(self, hold: WaitingOrder) -> str:
        return amount_of(hold)

    @display(description="Waits for")
    def waits_for(self, hold: WaitingOrder) -> str:
        return waits_for(hold)

    @display(description="Due")
    def due(self, hold: WaitingOrder) -> SafeString | str:
        if hold.status == HoldStatus.PENDING:
            return countdown(hold.due_at, "in {}", "now")
        return ago(hold.ended_at) if hold.ended_at else moment(hold.due_at)

    @display(description="Status", label=COLORS)
    def shown_status(self, hold: WaitingOrder) -> str:
        return "waiting" if hold.status == HoldStatus.PENDING else hold.status

    def details(self, request: HttpRequest, obj: WaitingOrder) -> dict[str, Any]:
        waits = obj.status == HoldStatus.PENDING
        return {
            "hold": obj,
            "title": obj.order_name,
            "amount": amount_of(obj),
            "status": self.shown_status(obj),
            "waits": waits,
            "waits_for": waits_for(obj),
            "time_left": countdown(obj.due_at, "due in {}", "due now") if waits else "",
            "rule": shown_rule(request, obj.rule),
            "payload": payload_rows(payload_of(obj)),
            "trail": trail_of(request, obj),
            "buttons": self._buttons(obj) if waits and self.may_act(request) else [],
        }

    def _buttons(self, hold: WaitingOrder) -> list[Button]:
        question = (
            f"Cancel {hold.order_name} for {amount_of(hold)}? It is not carried out; it may be placed again."
        )
        url = self.url_of(CANCEL, hold.pk)
        return [Button("Cancel", url, question, "Yes, cancel it", "bad", reason=REASON)]

    def press(self, request: HttpRequest, obj: WaitingOrder, name: str) -> ButtonResult:
        who: dict[str, Any] = {"actor": actor_of(request), "source": source_of(request)}
        hold_cancel(hold_id=obj.pk, **who, reason=reason_of(request))
        return ButtonResult("Cancelled. The order is not carried out.")


def waits_for(hold: WaitingOrder) -> str:
    return "its time" if hold.kind == HoldKind.SCHEDULE else "its turn"
