"""CRUD of retention policies."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import not_found
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Principal
from acteon_site.http.endpoint import Endpoint, body_of, caller_of, page_of, scope_of
from audit_app.api.shapes import policy_shape
from audit_app.models import RetentionPolicy
from audit_app.services.retention import retention_create, retention_delete, retention_update


class RetentionList(Endpoint):
    def get(self, request: Request) -> Response:
        page = page_of(request)
        policies = _seen_by(caller_of(request))
        for name in ("namespace", "tenant"):
            if name in request.query_params:
                policies = policies.filter(**{name: request.query_params[name]})
        rows = policies.order_by("namespace", "tenant")[page.offset : page.offset + page.limit]
        shown = [policy_shape(policy) for policy in rows]
        return Response({"policies": shown, "count": len(shown)})

    def post(self, request: Request) -> Response:
        body = body_of(request)
        namespace, tenant = scope_of(request, body)
        policy = retention_create(
            namespace=namespace, tenant=tenant, values=body, actor=caller_of(request).caller_id
        )
        return Response(policy_shape(policy), status=201)


class RetentionDetail(Endpoint):
    def get(self, request: Request, policy_id: str) -> Response:
        return Response(policy_shape(_policy(request, policy_id)))

    def put(self, request: Request, policy_id: str) -> Response:
        policy = _policy(request, policy_id)
        changed = retention_update(policy=policy, values=body_of(request), actor=caller_of(request).caller_id)
        return Response(policy_shape(changed))

    def delete(self, request: Request, policy_id: str) -> Response:
        retention_delete(policy=_policy(request, policy_id))
        return Response(status=204)


def _seen_by(caller: Principal) -> QuerySet[RetentionPolicy]:
    return RetentionPolicy.objects.filter(**caller.lookups())


def _policy(request: Request, policy_id: str) -> RetentionPolicy:
    """The policy, or 404: also where the caller's scope, or the query's namespace or tenant, rules it out."""
    key = as_uuid(policy_id)
    policy = _seen_by(caller_of(request)).filter(pk=key).first() if key else None
    asked = request.query_params
    if policy is None or any(
        asked.get(name, getattr(policy, name)) != getattr(policy, name) for name in ("namespace", "tenant")
    ):
        raise not_found("there is no such retention policy")
    return policy
