"""CRUD of quotas, and how far each is used."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import not_found
from acteon_site.http.endpoint import (
    SCOPE,
    Endpoint,
    body_of,
    caller_of,
    page_response,
    scope_of,
    seen_row,
    seen_rows,
)
from rules_app.api.shapes import quota_shape, usage_shape
from rules_app.models import Quota
from rules_app.services.quota_windows import quota_usage
from rules_app.services.quotas import quota_create, quota_delete, quota_update

FILTERS = ("provider", "principal")


class QuotaList(Endpoint):
    """An empty filter finds the quotas that name none: those of all providers, of all callers."""

    def get(self, request: Request) -> Response:
        query = request.query_params
        asked = {name: query[name] for name in FILTERS if name in query}
        rows = Quota.objects.filter(**asked).order_by("namespace", "tenant", *FILTERS, "id")
        return page_response(request, "quotas", seen_rows(request, rows), quota_shape)

    def post(self, request: Request) -> Response:
        body = body_of(request)
        scope_of(request, body)
        quota = quota_create(spec=body, actor=caller_of(request).caller_id)
        return Response(quota_shape(quota), status=201)


class QuotaDetail(Endpoint):
    def get(self, request: Request, quota_id: str) -> Response:
        return Response(quota_shape(_quota(request, quota_id)))

    def put(self, request: Request, quota_id: str) -> Response:
        """Changes what the body names. A namespace or tenant in it must be the quota's own."""
        body, quota = body_of(request), _quota(request, quota_id)
        if any(body.get(name) not in (None, getattr(quota, name)) for name in SCOPE):
            raise not_found("there is no such quota")
        changed = quota_update(quota=quota, changes=body, actor=caller_of(request).caller_id)
        return Response(quota_shape(changed))

    def delete(self, request: Request, quota_id: str) -> Response:
        quota_delete(quota=_quota(request, quota_id))
        return Response(status=204)


class QuotaUsage(Endpoint):
    """A quota that counts per caller shows the use of the caller named by `principal`, else of who asks."""

    def get(self, request: Request, quota_id: str) -> Response:
        quota = _quota(request, quota_id)
        principal = request.query_params.get("principal") or caller_of(request).caller_id
        return Response(usage_shape(quota, quota_usage(quota, principal)))


def _quota(request: Request, quota_id: str) -> Quota:
    return seen_row(request, Quota.objects.all(), quota_id, "quota")
