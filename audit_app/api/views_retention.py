"""CRUD of retention policies."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.http.endpoint import (
    Endpoint,
    body_of,
    page_response,
    scope_of,
    seen_row,
    seen_rows,
    source_of,
)
from audit_app.api.shapes import policy_shape
from audit_app.models import RetentionPolicy
from audit_app.services.retention import retention_create, retention_delete, retention_update


class RetentionList(Endpoint):
    def get(self, request: Request) -> Response:
        rows = seen_rows(request, RetentionPolicy.objects.order_by("namespace", "tenant"))
        return page_response(request, "policies", rows, policy_shape)

    def post(self, request: Request) -> Response:
        body = body_of(request)
        namespace, tenant = scope_of(request, body)
        policy = retention_create(namespace=namespace, tenant=tenant, values=body, source=source_of(request))
        return Response(policy_shape(policy), status=201)


class RetentionDetail(Endpoint):
    def get(self, request: Request, policy_id: str) -> Response:
        return Response(policy_shape(_policy(request, policy_id)))

    def put(self, request: Request, policy_id: str) -> Response:
        policy = _policy(request, policy_id)
        changed = retention_update(policy=policy, values=body_of(request), source=source_of(request))
        return Response(policy_shape(changed))

    def delete(self, request: Request, policy_id: str) -> Response:
        retention_delete(policy=_policy(request, policy_id), source=source_of(request))
        return Response(status=204)


def _policy(request: Request, policy_id: str) -> RetentionPolicy:
    return seen_row(request, RetentionPolicy.objects.all(), policy_id, "retention policy")
