"""Deliveries: what was sent to whom, each attempt with its answer, and a button to send it again."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from acteon_site.admin.buttons import Button, ButtonPagesAdmin, ButtonResult, change_url, source_of
from acteon_site.admin.read_only import is_list, pretty_json
from acteon_site.admin.scoped import visible
from acteon_site.base.clock_text import ago, moment
from acteon_site.base.ids import as_uuid
from subscriptions_app.models import Delivery, Subscription
from subscriptions_app.services.replaying import delivery_resend
from subscriptions_app.states import DeliveryStatus

RESEND = "resend"
MOST_CHOICES = 100
COLORS = {"delivered": "success", "pending": "info", "failed": "danger"}


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in DeliveryStatus.values]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=self.value()) if self.value() else queryset


class SubscriptionFilter(admin.SimpleListFilter):
    """Those that the person may see, never asked of the big table."""

    title = "subscription"
    parameter_name = "subscription"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = visible(request, Subscription.objects.order_by("namespace", "tenant", "name"))
        return [(str(row.pk), str(row)) for row in rows.only("namespace", "tenant", "name")[:MOST_CHOICES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(subscription=as_uuid(self.value() or "")) if self.value() else queryset


@admin.register(Delivery)
class DeliveryAdmin(ButtonPagesAdmin):
    view_codename = "subscriptions_app.view_delivery"
    act_codename = "subscriptions_app.change_delivery"
    list_display = ("event_type", "whose", "shown_status", "attempts_made", "answered", "happened")
    list_filter = (SubscriptionFilter, StatusFilter)
    change_form_template = "admin/subscriptions_app/delivery.html"
    buttons = (RESEND,)
    empty_title = "No deliveries"
    empty_text = "What is sent to subscriptions appears here."
    gone_text = "This delivery is not here any more: retention has removed it."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows: QuerySet[Delivery] = super().get_queryset(request).select_related("subscription")
        rows = rows.defer("subscription__secrets")
        return rows.defer("body", "subscription__secrets") if is_list(request) else rows

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-id",)

    @display(description="Subscription")
    def whose(self, row: Delivery) -> str:
        return str(row.subscription)

    @display(description="Status", label=COLORS)
    def shown_status(self, row: Delivery) -> str:
        return str(row.status)

    @display(description="Answered")
    def answered(self, row: Delivery) -> str:
        return row.last_error or (str(row.last_status) if row.last_status else "-")

    @display(description="Happened")
    def happened(self, row: Delivery) -> str:
        return ago(row.event_at)

    def details(self, request: HttpRequest, obj: Delivery) -> dict[str, Any]:
        return {
            "row": obj,
            "title": obj.event_type,
            "subscription_url": change_url(Subscription, obj.subscription_id),
            "body": pretty_json(json.loads(obj.body)),
            "attempts": list(obj.attempts.all()),
            "color": COLORS[obj.status],
            "next": self._next(obj),
            "happened": moment(obj.event_at),
            "message_id": f"msg_{obj.pk.hex}",
            "buttons": [self._button(obj)] if self.may_act(request, obj) and self._may_be_resent(obj) else [],
        }

    def _next(self, row: Delivery) -> str:
        if row.status != DeliveryStatus.PENDING:
            return ""
        return moment(row.due_at) if row.due_at else "once an earlier one of its order is through"

    def _may_be_resent(self, row: Delivery) -> bool:
        return row.status != DeliveryStatus.PENDING and row.subscription.enabled

    def _button(self, row: Delivery) -> Button:
        question = "Send it again? It carries the same webhook-id, by which its receiver knows it."
        return Button("Send again", self.url_of(RESEND, row.pk), question, "Yes, send it again")

    def press(self, request: HttpRequest, obj: Delivery, name: str) -> ButtonResult:
        delivery_resend(delivery=obj, source=source_of(request))
        return ButtonResult("It is on its way again.")
