"""/v1/events (the order lifecycle), /v1/orders/…/cancel, /v1/scheduled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import conflict, invalid_field, not_found
from acteon_site.base.principals import Role
from acteon_site.base.replica import reads_replica
from acteon_site.http.endpoint import Endpoint, body_of, caller_of, page_of, scope_of, source_of
from orders_app.api.holds import page_of_holds, seen_holds
from orders_app.api.shapes import order_detail, order_shape, scheduled_shape
from orders_app.models import Order
from orders_app.services.cancel import order_cancel
from orders_app.services.doubts import order_settle
from orders_app.services.holds import hold_cancel
from orders_app.services.refunding import refund_settle
from orders_app.services.transitions import order_named, order_transition
from orders_app.states import HoldKind, HoldStatus

MAX_REASON = 1000
MAX_STEP = 200
TIMED = (HoldKind.SCHEDULE, HoldKind.TURN)


class Events(Endpoint):
    """Orders with their lifecycle state; `status` filters by that state."""

    @reads_replica
    def get(self, request: Request) -> Response:
        namespace, tenant = scope_of(request)
        page = page_of(request)
        seen = caller_of(request).action_lookups()
        orders = Order.objects.filter(namespace=namespace, tenant=tenant).filter(**seen)
        if state := request.query_params.get("status"):
            orders = orders.filter(state=state)
        newest = orders.order_by("-updated_at", "-id")[page.offset : page.offset + page.limit]
        events = [order_shape(order) for order in newest]
        return Response({"events": events, "count": len(events)})


class Event(Endpoint):
    def get(self, request: Request, fingerprint: str) -> Response:
        namespace, tenant = scope_of(request)
        order = order_named(namespace, tenant, fingerprint, caller=caller_of(request))
        return Response(order_detail(order, caller_of(request)))


class Transition(Endpoint):
    write_role = Role.OPERATOR

    def put(self, request: Request, fingerprint: str) -> Response:
        body = body_of(request)
        namespace, tenant = scope_of(request, body)
        to = body.get("to", body.get("to_state"))
        if not isinstance(to, str) or not to:
            raise invalid_field("to", "is required: the state to move to")
        moved = order_transition(
            namespace=namespace,
            tenant=tenant,
            fingerprint=fingerprint,
            to=to,
            actor=caller_of(request).caller_id,
            source=source_of(request),
            caller=caller_of(request),
        )
        return Response(
            {
                "fingerprint": fingerprint,
                "previous_state": moved.previous_state,
                "new_state": moved.new_state,
                "notify": False,
            }
        )


class OrderCancel(Endpoint):
    write_role = Role.OPERATOR

    def post(self, request: Request, fingerprint: str) -> Response:
        body = body_of(request)
        namespace, tenant = scope_of(request, body)
        order = order_cancel(
            namespace=namespace,
            tenant=tenant,
            fingerprint=fingerprint,
            actor=caller_of(request).caller_id,
            source=source_of(request),
            reason=_reason(body.get("reason")),
            caller=caller_of(request),
        )
        return Response(order_detail(order, caller_of(request)))


class OrderSettle(Endpoint):
    """What a person has found out about an order in doubt: of a refund whether it was paid, of any other whether the
    call took effect."""

    write_role = Role.OPERATOR

    def post(self, request: Request, fingerprint: str) -> Response:
        body = body_of(request)
        caller, (namespace, tenant) = caller_of(request), scope_of(request, body)
        named: dict[str, Any] = {"namespace": namespace, "tenant": tenant, "fingerprint": fingerprint}
        named |= {"actor": caller.caller_id, "source": source_of(request), "caller": caller}
        named["reason"] = _reason(body.get("reason"))
        if body.get("outcome") is not None:
            order = order_settle(**named, outcome=_name(body, "outcome"), step=_name(body, "step"))
        elif isinstance(body.get("paid"), bool):
            order = refund_settle(**named, paid=body["paid"])
        else:
            said = "true where it was paid back, false where it was not"
            raise invalid_field("paid", f"is required of a refund ({said}), `outcome` of any other order")
        return Response(order_detail(order, caller))


def _name(body: Mapping[str, Any], field: str) -> str:
    given = body.get(field)
    if given is not None and (not isinstance(given, str) or len(given) > MAX_STEP):
        raise invalid_field(field, f"must be text of at most {MAX_STEP} characters")
    return given or ""


def _reason(given: object) -> str:
    if given is None:
        return ""
    if not isinstance(given, str) or len(given) > MAX_REASON:
        raise invalid_field("reason", f"must be text of at most {MAX_REASON} characters")
    return given


class Scheduled(Endpoint):
    """What waits for its time or its turn, and what did."""

    @reads_replica
    def get(self, request: Request) -> Response:
        holds = seen_holds(request, scope_of(request), *TIMED).select_related("order")
        scheduled = [scheduled_shape(hold) for hold in page_of_holds(request, holds)]
        return Response({"scheduled": scheduled, "count": len(scheduled)})


class ScheduledCancel(Endpoint):
    write_role = Role.OPERATOR

    def post(self, request: Request, action_id: str) -> Response:
        holds = seen_holds(request, scope_of(request, body_of(request)), *TIMED)
        newest = holds.filter(action_id_text=action_id).order_by("-created_at").first()
        if newest is None:
            raise not_found(f"nothing is scheduled for action {action_id!r} here")
        if newest.status != HoldStatus.PENDING:
            raise conflict(f"it is {newest.status} already", "NOT_WAITING")
        hold = hold_cancel(hold_id=newest.pk, actor=caller_of(request).caller_id, source=source_of(request))
        return Response(scheduled_shape(hold))
