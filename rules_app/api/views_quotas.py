"""CRUD of quotas, and how far each is used."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import not_found
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Principal
from acteon_site.http.endpoint import Endpoint, body_of, caller_of, page_of, scope_of
from rules_app.api.shapes import quota_shape, usage_shape
from rules_app.models import Quota
from rules_app.services.quota_windows import quota_usage
from rules_app.services.quotas import quota_create, quota_delete, quota_update

SCOPE = ("namespace", "tenant")


class QuotaList(Endpoint):
    def get(self, request: Request) -> Response:
        page = page_of(request)
        quotas = _seen_by(caller_of(request))
        asked = {name: request.query_params[name] for name in SCOPE if name in request.query_params}
        rows = quotas.filter(**asked).order_by("namespace", "tenant", "provider", "principal", "id")
        shown = [quota_shape(quota) for quota in rows[page.offset : page.offset + page.limit]]
        return Response({"quotas": shown, "count": len(shown)})

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
        body = body_of(request)
        quota = _quota(request, quota_id, body)
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


def _seen_by(caller: Principal) -> QuerySet[Quota]:
    return Quota.objects.filter(**caller.lookups())


def _quota(request: Request, quota_id: str, body: dict[str, Any] | None = None) -> Quota:
    """The quota, or 404: also where the caller's scope, or a namespace or tenant given, rules it out."""
    key = as_uuid(quota_id)
    quota = _seen_by(caller_of(request)).filter(pk=key).first() if key else None
    if quota is None or not _names(request.query_params, quota) or not _names(body or {}, quota):
        raise not_found("there is no such quota")
    return quota


def _names(given: Any, quota: Quota) -> bool:
    return all(given.get(name) in (None, getattr(quota, name)) for name in SCOPE)
