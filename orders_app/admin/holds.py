"""What the pages of approvals and of waiting orders share: both show a hold, and the order that it keeps."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from acteon_site.admin.buttons import Button, ButtonPagesAdmin
from acteon_site.admin.times import countdown
from orders_app.admin.payloads import amount_of, payload_of, payload_rows
from orders_app.admin.trail import shown_rule, trail_of
from orders_app.models import Hold
from orders_app.states import HoldKind, HoldStatus

COLORS = {"waiting": "warning", "approved": "success", "released": "success", "rejected": "danger"}


class HoldAdmin(ButtonPagesAdmin):
    """Holds of these `kinds`. `time_words` are those of `countdown`: while time is left, and when it is over."""

    view_codename = "orders_app.view_hold"
    kinds: tuple[HoldKind, ...]
    exports: ClassVar = {
        "order": "order_name",
        **{name: name for name in ("id", "kind", "status", "namespace", "tenant", "rule", "message")},
        "amount": amount_of,
        **{
            name: name for name in ("created_at", "due_at", "ended_at", "decided_at", "decided_by", "problem")
        },
        "action_id": "action_id_text",
    }
    time_words = ("{} left", "time is over")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        holds: QuerySet[Any] = super().get_queryset(request).filter(kind__in=self.kinds)
        return holds.select_related("action", "order").defer("outcome", "context", "cleared", "passed")

    @display(description="Order")
    def order_link(self, hold: Hold) -> str:
        return hold.order_name

    @display(description="Shop")
    def shop(self, hold: Hold) -> str:
        return f"{hold.tenant} / {hold.namespace}"

    @display(description="Amount")
    def amount(self, hold: Hold) -> str:
        return amount_of(hold)

    @display(description="Status", label=COLORS)
    def shown_status(self, hold: Hold) -> str:
        return status_of(hold)

    def details(self, request: HttpRequest, obj: Hold) -> dict[str, Any]:
        is_open = self.is_open(obj)
        return {
            "hold": obj,
            "title": obj.order_name,
            "amount": amount_of(obj),
            "status": status_of(obj),
            "label": COLORS.get(status_of(obj), ""),
            "time_left": countdown(obj.due_at, *self.time_words) if is_open else "",
            "rule": shown_rule(request, obj.rule),
            "payload": payload_rows(payload_of(obj)),
            "trail": trail_of(request, obj),
            "buttons": self.buttons_for(obj) if is_open and self.may_act(request, obj) else [],
        }

    def is_open(self, hold: Hold) -> bool:
        """Whether the buttons can still do something."""
        return hold.status == HoldStatus.PENDING

    def buttons_for(self, hold: Hold) -> list[Button]:
        """What can be done with a hold that is open; the pages of each kind add theirs."""
        return []


def status_of(hold: Hold) -> str:
    return "waiting" if hold.status == HoldStatus.PENDING else hold.status
