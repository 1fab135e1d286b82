"""Orders as evidence: their state, their history, and the buttons for the transitions that are allowed now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
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
from acteon_site.admin.cells import shop_cell, text_cell
from acteon_site.admin.scoped import sees_one_tenant
from acteon_site.base.errors import conflict
from acteon_site.base.names import spellings
from audit_app.admin.filters import ScopeFilter, within_scopes
from chains_app.models import Run, StepRun
from orders_app.admin.doubts import TOOK, TOOK_NOT, doubt_buttons, doubt_press
from orders_app.admin.explanations import explanations_of, try_url
from orders_app.admin.filters import OrderState
from orders_app.admin.ledger import PAID, REFUND, UNPAID, ledger_buttons, ledger_context, ledger_press
from orders_app.admin.payloads import amount_of, payload_of, payload_rows
from orders_app.admin.picture import lifecycle_svg
from orders_app.admin.rule_test import rule_test_of
from orders_app.admin.trail import trail_of
from orders_app.models import Hold, Order
from orders_app.selectors import lifecycle_of
from orders_app.services.cancel import order_cancel
from orders_app.services.transitions import order_named, order_transition
from orders_app.states import UNMOVABLE, WAITING, HoldKind, OrderStatus

COLORS: dict[str, str] = {
    **dict.fromkeys((OrderStatus.HELD, OrderStatus.SCHEDULED), "warning"),
    OrderStatus.PROCESSING: "info",
    OrderStatus.COMPLETED: "success",
    **dict.fromkeys((OrderStatus.FAILED, OrderStatus.REJECTED), "danger"),
}
MOVE, CANCEL = "move", "cancel"
CANCELLABLE = WAITING | {OrderStatus.PROCESSING}
MOST_LINES = 50


@admin.register(Order)
class OrderAdmin(ButtonPagesAdmin):
    view_codename = "orders_app.view_order"
    act_codename = "orders_app.change_order"
    exports: ClassVar = {
        "order": "fingerprint",
        **{name: name for name in ("namespace", "tenant", "provider", "action_type", "state", "status")},
        "amount": amount_of,
        "currency": lambda order: payload_of(order).get("currency"),
        **{name: name for name in ("reason", "created_at", "updated_at", "finished_at", "id", "run_id")},
        "action_id": "action_id_text",
    }
    list_display = ("order_name", "shop", "state", "shown_status", "amount", "updated")
    list_filter = (ScopeFilter, OrderState)
    search_fields = ("fingerprint",)
    search_help_text = "The exact name of an order"
    change_form_template = "admin/orders_app/order.html"
    buttons = (MOVE, CANCEL, REFUND, PAID, UNPAID, TOOK, TOOK_NOT)
    empty_title = "No orders"
    empty_text = "Accepted actions whose type a lifecycle claims appear here as orders."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        orders: QuerySet[Order] = super().get_queryset(request)
        # Not joined: a page far back would join all rows before it.
        return orders.prefetch_related("action")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # Without a tenant only the ids' index is in order of time.
        of_one = request.GET.get(ScopeFilter.parameter_name) or sees_one_tenant(request)
        return ("-updated_at", "-id") if of_one else ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        # Django's own exact search ignores case, which no index serves.
        name = search_term.strip()
        return (within_scopes(queryset).filter(fingerprint__in=spellings(name)) if name else queryset), False

    @display(description="Order")
    def order_name(self, order: Order) -> SafeString | str:
        return text_cell(order.fingerprint)

    @display(description="Shop")
    def shop(self, order: Order) -> str:
        return shop_cell(order)

    @display(description="Status", label=COLORS)
    def shown_status(self, order: Order) -> str:
        return str(order.status)

    @display(description="Amount")
    def amount(self, order: Order) -> str:
        return amount_of(order)

    @display(description="Updated")
    def updated(self, order: Order) -> str:
        return f"{order.updated_at:%Y-%m-%d %H:%M:%S}"

    def details(self, request: HttpRequest, obj: Order) -> dict[str, Any]:
        moves = list(obj.moves.order_by("-at", "-id")[:MOST_LINES])[::-1]
        visited = {name for move in moves for name in (move.from_state, move.to_state)}
        picture = lifecycle_svg(lifecycle_of(obj), current=obj.state, visited=visited)
        return {
            "order": obj,
            "title": obj.fingerprint,
            "amount": amount_of(obj),
            "label": COLORS.get(obj.status, ""),
            "picture": mark_safe(picture),  # noqa: S308 - it escapes every text in it
            "moves": moves,
            "holds": list(_holds(obj)),
            "run": _run(request, obj),
            **ledger_context(request, obj),
            "payload": payload_rows(payload_of(obj)),
            "trail": trail_of(request, obj),
            "rule_test": _rule_test(request, obj),
            "explanations": explanations_of(request, obj),
            "try_url": try_url(request, obj),
            "buttons": self._buttons(obj) if self.may_act(request, obj) and _is_current(obj) else [],
        }

    def _buttons(self, order: Order) -> list[Button]:
        allowed = () if order.status in UNMOVABLE else lifecycle_of(order).allowed(order.state)
        buttons = [self._move_button(order, state) for state in allowed]
        if order.status in CANCELLABLE:
            question = f"Cancel {order.fingerprint}? What is done already is undone where that is possible."
            url = self.url_of(CANCEL, order.pk)
            buttons.append(Button("Cancel the order", url, question, "Yes, cancel it", "bad", reason=REASON))
        return buttons + doubt_buttons(order, self.url_of) + ledger_buttons(order, self.url_of)

    def _move_button(self, order: Order, state: str) -> Button:
        question = f"Mark {order.fingerprint} as {state}? It is {order.state} now."
        return Button(
            f"Mark as {state}", self.url_of(MOVE, order.pk), question, f"Yes, it is {state}", to=state
        )

    def press(self, request: HttpRequest, obj: Order, name: str) -> ButtonResult:
        if not _is_current(obj):
            raise conflict("this order was placed anew; its newer page has the buttons")
        if name in (REFUND, PAID, UNPAID):
            return ledger_press(request, obj, name)
        if name in (TOOK, TOOK_NOT):
            return doubt_press(request, obj, name)
        named: dict[str, Any] = {
            "namespace": obj.namespace,
            "tenant": obj.tenant,
            "fingerprint": obj.fingerprint,
        }
        who: dict[str, Any] = {"actor": actor_of(request), "source": source_of(request)}
        if name == MOVE:
            moved = order_transition(**named, **who, to=request.POST.get("to", ""))
            return ButtonResult(f"The order is {moved.new_state} now.")
        order = order_cancel(**named, **who, reason=reason_of(request))
        if order.status == OrderStatus.CANCELLED:
            return ButtonResult("Cancelled. The order is not carried out.")
        return ButtonResult(
            "The order's chain was asked to stop; what is done is undone, then the order is cancelled."
        )


def _rule_test(request: HttpRequest, order: Order) -> str:
    return rule_test_of(order) if request.user.has_perm("rules_app.view_rule") else ""


def _is_current(order: Order) -> bool:
    """Whether this is the order that its name stands for: an older one of the same name is history."""
    return order_named(order.namespace, order.tenant, order.fingerprint).pk == order.pk


def _holds(order: Order) -> Iterable[dict[str, Any]]:
    for hold in (
        Hold.objects.filter(order=order).order_by("-created_at").defer("outcome", "context")[:MOST_LINES]
    ):
        page = "approval" if hold.kind == HoldKind.APPROVAL else "waitingorder"
        yield {"hold": hold, "url": reverse(f"admin:orders_app_{page}_change", args=[hold.pk])}


def _run(request: HttpRequest, order: Order) -> dict[str, Any] | None:
    """The order's chain and its steps, without what is encrypted in them."""
    if order.run_id is None or not request.user.has_perm("chains_app.view_run"):
        return None
    run = Run.objects.filter(pk=order.run_id).only("chain_name", "status").first()
    if run is None:
        return None
    steps = StepRun.objects.filter(run=run).order_by("index").only("name", "status")
    url = reverse("admin:chains_app_run_change", args=[run.pk])
    return {"name": run.chain_name, "status": run.status.replace("_", " "), "url": url, "steps": list(steps)}
