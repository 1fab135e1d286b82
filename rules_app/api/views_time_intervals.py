"""/v1/time-intervals: times by names that rules go by.

They are seen like rules: the caller's own and those that are shared (namespace or tenant `*`).
"""

from __future__ import annotations

from functools import partial

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.clock import db_now
from acteon_site.base.errors import forbidden, not_found
from acteon_site.http.endpoint import (
    SCOPE,
    Endpoint,
    asked_scope,
    body_of,
    caller_of,
    page_response,
    scope_of,
    source_of,
)
from rules_app.api.muting_shapes import interval_shape
from rules_app.engine.intervals.parsing import KEYS
from rules_app.models import TimeInterval
from rules_app.services.time_intervals import interval_create, interval_delete, interval_update


class TimeIntervalList(Endpoint):
    def get(self, request: Request) -> Response:
        rows = _seen(request).filter(**asked_scope(request))
        return page_response(request, "time_intervals", rows, partial(interval_shape, now=db_now()))

    def post(self, request: Request) -> Response:
        body = body_of(request)
        scope_of(request, body)
        spec = {name: body[name] for name in KEYS if name in body}
        row = interval_create(spec=spec, source=source_of(request))
        return Response(interval_shape(row, db_now()), status=201)


class TimeIntervalDetail(Endpoint):
    def get(self, request: Request, namespace: str, tenant: str, interval: str) -> Response:
        return Response(interval_shape(_interval(request, namespace, tenant, interval), db_now()))

    def put(self, request: Request, namespace: str, tenant: str, interval: str) -> Response:
        """Changes what the body names; what was read can be sent back with its changes."""
        row, body = _own(request, namespace, tenant, interval), body_of(request)
        changes = {key: body[key] for key in KEYS if key in body}
        changed = interval_update(row=row, changes=changes, source=source_of(request))
        return Response(interval_shape(changed, db_now()))

    def delete(self, request: Request, namespace: str, tenant: str, interval: str) -> Response:
        interval_delete(row=_own(request, namespace, tenant, interval), source=source_of(request))
        return Response(status=204)


def _seen(request: Request) -> QuerySet[TimeInterval]:
    caller = caller_of(request)
    rows = TimeInterval.objects.order_by("name", "namespace", "tenant")
    if "*" not in caller.namespaces:
        rows = rows.filter(namespace__in=(*caller.namespaces, "*"))
    return rows if "*" in caller.tenants else rows.filter(Q(tenant__in=caller.tenants) | Q(tenant="*"))


def _interval(request: Request, namespace: str, tenant: str, name: str) -> TimeInterval:
    """404 for what is not there, and for what the caller may not see."""
    asked = {key: request.query_params[key] for key in SCOPE if key in request.query_params}
    row = _seen(request).filter(name=name, namespace=namespace, tenant=tenant).filter(**asked).first()
    if row is None:
        raise not_found("there is no such time interval")
    return row


def _own(request: Request, namespace: str, tenant: str, name: str) -> TimeInterval:
    """403 for one that others share."""
    row = _interval(request, namespace, tenant, name)
    if not caller_of(request).covers(row.namespace, row.tenant):
        raise forbidden(
            f"this interval is for {row.namespace}/{row.tenant}, which this key does not cover whole"
        )
    return row
