"""What waits for its time or its turn, and the button that ends the waiting."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from acteon_site.admin.buttons import REASON, Button, ButtonResult, actor_of, reason_of, source_of
from acteon_site.admin.times import countdown
from acteon_site.base.clock_text import ago, moment
from orders_app.admin.filters import WaitingState
from orders_app.admin.holds import HoldAdmin
from orders_app.admin.payloads import amount_of
from orders_app.models import Hold, WaitingOrder
from orders_app.services.holds import hold_cancel
from orders_app.states import HoldKind, HoldStatus

CANCEL = "cancel"


@admin.register(WaitingOrder)
class WaitingOrderAdmin(HoldAdmin):
    # As in the API: who may cancel orders may cancel these, and approving is another right.
    act_codename = "orders_app.change_order"
    kinds = (HoldKind.SCHEDULE, HoldKind.TURN)
    time_words = ("due in {}", "due now")
    list_display = ("order_link", "shop", "amount", "waits_for", "due", "shown_status", "problem")
    list_filter = (WaitingState,)
    change_form_template = "admin/orders_app/waiting.html"
    buttons = (CANCEL,)
    empty_title = "Nothing waits"
    empty_text = "Orders that a rule holds until later, or that were throttled on release, appear here."

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return ("-id",) if request.GET.get(WaitingState.parameter_name) else ("due_at", "id")

    @display(description="Waits for")
    def waits_for(self, hold: Hold) -> str:
        return "its time" if hold.kind == HoldKind.SCHEDULE else "its turn"

    @display(description="Due")
    def due(self, hold: WaitingOrder) -> SafeString | str:
        if hold.status == HoldStatus.PENDING:
            return countdown(hold.due_at, "in {}", "now")
        return ago(hold.ended_at) if hold.ended_at else moment(hold.due_at)

    def details(self, request: HttpRequest, obj: Hold) -> dict[str, Any]:
        return {**super().details(request, obj), "waits_for": self.waits_for(obj)}

    def buttons_for(self, hold: Hold) -> list[Button]:
        question = (
            f"Cancel {hold.order_name} for {amount_of(hold)}? It is not carried out; it may be placed again."
        )
        url = self.url_of(CANCEL, hold.pk)
        return [Button("Cancel", url, question, "Yes, cancel it", "bad", reason=REASON)]

    def press(self, request: HttpRequest, obj: WaitingOrder, name: str) -> ButtonResult:
        who: dict[str, Any] = {"actor": actor_of(request), "source": source_of(request)}
        hold_cancel(hold_id=obj.pk, **who, reason=reason_of(request))
        return ButtonResult("Cancelled. The order is not carried out.")
