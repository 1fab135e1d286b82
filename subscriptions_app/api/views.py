"""CRUD of subscriptions, their secrets, and what was sent."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import FieldProblem, bad_query, forbidden, invalid_fields, not_found
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Role
from acteon_site.http.endpoint import (
    SCOPE,
    Endpoint,
    body_of,
    caller_of,
    page_response,
    scope_of,
    seen_row,
    seen_rows,
    source_of,
)
from audit_app.stream.filters import EVENT_TYPES
from chains_app.definitions.reader import suggestion
from subscriptions_app.api.shapes import (
    delivery_detail_shape,
    delivery_shape,
    replayed_shape,
    subscription_shape,
    with_secret,
)
from subscriptions_app.matching import matches
from subscriptions_app.models import Delivery, Subscription
from subscriptions_app.services.replaying import Span, delivery_resend, subscription_replay, subscription_test
from subscriptions_app.services.subscriptions import (
    GRACE_SECONDS,
    secret_rotate,
    subscription_create,
    subscription_delete,
    subscription_switch,
    subscription_update,
)
from subscriptions_app.states import DeliveryStatus

EVERYTHING = "what is sent concerns all providers and action types; the key covers some only"


class SubscriptionList(Endpoint):
    def get(self, request: Request) -> Response:
        rows = Subscription.objects.order_by("namespace", "tenant", "name", "id")
        return page_response(request, "subscriptions", seen_rows(request, rows), subscription_shape)

    def post(self, request: Request) -> Response:
        """The answer shows the secret, once. One of the caller's own is taken where the body names it."""
        body = body_of(request)
        scope_of(request, body)
        made = subscription_create(spec=body, source=source_of(request), secret=body.get("secret"))
        return Response(with_secret(made), status=201)


class SubscriptionDetail(Endpoint):
    def get(self, request: Request, subscription_id: str) -> Response:
        return Response(subscription_shape(_subscription(request, subscription_id)))

    def put(self, request: Request, subscription_id: str) -> Response:
        """Changes what the body names. A namespace or tenant in it must be the subscription's own."""
        body, row = body_of(request), _subscription(request, subscription_id)
        if any(body.get(name) not in (None, getattr(row, name)) for name in SCOPE):
            raise not_found("there is no such subscription")
        if "secret" in body:
            raise invalid_fields([FieldProblem("secret", "is changed by POST …/rotate-secret")])
        changed = subscription_update(subscription=row, changes=body, source=source_of(request))
        return Response(subscription_shape(changed))

    def delete(self, request: Request, subscription_id: str) -> Response:
        row = _subscription(request, subscription_id)
        subscription_delete(subscription=row, source=source_of(request))
        return Response(status=204)


class SubscriptionSwitch(Endpoint):
    on: bool = True

    def post(self, request: Request, subscription_id: str) -> Response:
        row = _subscription(request, subscription_id)
        changed = subscription_switch(subscription=row, on=self.on, source=source_of(request))
        return Response(subscription_shape(changed))


class SecretRotation(Endpoint):
    def post(self, request: Request, subscription_id: str) -> Response:
        """The answer shows the new secret, once."""
        body, row = body_of(request), _subscription(request, subscription_id)
        changed = secret_rotate(
            subscription=row,
            source=source_of(request),
            secret=body.get("secret"),
            grace_seconds=body.get("grace_seconds", GRACE_SECONDS),
        )
        return Response(with_secret(changed))


class SubscriptionTest(Endpoint):
    def post(self, request: Request, subscription_id: str) -> Response:
        row = _subscription(request, subscription_id)
        made = subscription_test(subscription=row, source=source_of(request))
        return Response(delivery_detail_shape(made), status=202)


class SubscriptionReplay(Endpoint):
    def post(self, request: Request, subscription_id: str) -> Response:
        body, row = body_of(request), _subscription(request, subscription_id)
        found = subscription_replay(subscription=row, span=span_of(body), source=source_of(request))
        return Response(replayed_shape(found), status=202)


class DeliveryList(Endpoint):
    """Newest first."""

    def get(self, request: Request, subscription_id: str) -> Response:
        rows = _deliveries(request, subscription_id).defer("body").order_by("-id")
        status = request.query_params.get("status")
        if status is not None and status not in DeliveryStatus.values:
            message = f"must be one of {', '.join(DeliveryStatus.values)}"
            raise bad_query(f"status {message}", [FieldProblem("status", message)])
        return page_response(
            request, "deliveries", rows.filter(status=status) if status else rows, delivery_shape
        )


class DeliveryDetail(Endpoint):
    def get(self, request: Request, subscription_id: str, delivery_id: str) -> Response:
        return Response(delivery_detail_shape(_delivery(request, subscription_id, delivery_id)))


class DeliveryResend(Endpoint):
    write_role = Role.OPERATOR

    def post(self, request: Request, subscription_id: str, delivery_id: str) -> Response:
        row = _delivery(request, subscription_id, delivery_id)
        again = delivery_resend(delivery=row, source=source_of(request))
        return Response(delivery_detail_shape(again), status=202)


def span_of(body: dict[str, Any]) -> Span:
    """Raises 422 with everything that is wrong."""
    problems = []
    times = {name: parse_time(body.get(name)) for name in ("from", "to")}
    for name, moment in times.items():
        if moment is None:
            problems.append(
                FieldProblem(name, "must be an RFC 3339 time with offset, like 2026-01-31T12:00:00Z")
            )
    begin, end = times["from"], times["to"]
    if begin and end and begin >= end:
        problems.append(FieldProblem("to", "must be later than from"))
    types, only_failed = body.get("event_types") or [], body.get("only_failed", False)
    if not isinstance(only_failed, bool):
        problems.append(FieldProblem("only_failed", "must be true or false"))
    problems += _type_problems(types)
    if problems or begin is None or end is None:
        raise invalid_fields(problems)
    return Span(begin, end, tuple(types), only_failed)


def _type_problems(types: object) -> list[FieldProblem]:
    if not isinstance(types, list) or len(types) > len(EVENT_TYPES):
        return [FieldProblem("event_types", f"must be a list of at most {len(EVENT_TYPES)}")]
    return [
        FieldProblem(f"event_types[{index}]", f"can never come{suggestion(str(one), EVENT_TYPES)}")
        for index, one in enumerate(types)
        if not (isinstance(one, str) and any(matches(one, name) for name in EVENT_TYPES))
    ]


def _subscription(request: Request, subscription_id: str) -> Subscription:
    return seen_row(request, Subscription.objects.all(), subscription_id, "subscription")


def _deliveries(request: Request, subscription_id: str) -> QuerySet[Delivery]:
    row = _subscription(request, subscription_id)
    if not caller_of(request).covers_all_actions:
        raise forbidden(EVERYTHING)
    return Delivery.objects.filter(subscription=row).prefetch_related("attempts")


def _delivery(request: Request, subscription_id: str, delivery_id: str) -> Delivery:
    rows, key = _deliveries(request, subscription_id), as_uuid(delivery_id)
    row = rows.select_related("subscription").filter(pk=key).first() if key else None
    if row is None:
        raise not_found("there is no such delivery")
    return row
