"""/v1/templates, /v1/templates/profiles, /v1/templates/render."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import invalid_field, not_found
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Role
from acteon_site.http.endpoint import (
    SCOPE,
    Endpoint,
    asked_scope,
    body_of,
    caller_of,
    page_response,
    require_seen,
    scope_of,
)
from orders_app.api.shapes import profile_shape, template_shape
from orders_app.models import Template, TemplateProfile
from orders_app.sandbox.budget import Budget
from orders_app.sandbox.rendering import RenderError, render_text
from orders_app.selectors import profile_named
from orders_app.services.template_edits import profile_delete, profile_save, template_delete, template_save

M = TypeVar("M", bound=Model)
# What makes a text a template.
MARKS = ("{{", "{%", "{#")


class Templates(Endpoint):
    def get(self, request: Request) -> Response:
        rows = _listed(request, Template.objects.order_by("name", "namespace", "tenant"))
        return page_response(request, "templates", rows, template_shape)

    def post(self, request: Request) -> Response:
        body = body_of(request)
        namespace, tenant = scope_of(request, body)
        template = Template(namespace=namespace, tenant=tenant, **_common(body))
        template.content = _content(body)
        return Response(template_shape(template_save(template)), status=201)


class TemplateDetail(Endpoint):
    def get(self, request: Request, pk: str) -> Response:
        return Response(template_shape(_found(request, Template, pk)))

    def put(self, request: Request, pk: str) -> Response:
        template, body = _found(request, Template, pk), body_of(request)
        for name, value in _common({**template_shape(template), **body}).items():
            setattr(template, name, value)
        if "content" in body or "body" in body:
            template.content = _content(body)
        return Response(template_shape(template_save(template)))

    def delete(self, request: Request, pk: str) -> Response:
        template_delete(_found(request, Template, pk))
        return Response(status=204)


class Profiles(Endpoint):
    def get(self, request: Request) -> Response:
        rows = _listed(request, TemplateProfile.objects.order_by("name", "namespace", "tenant"))
        return page_response(request, "profiles", rows, profile_shape)

    def post(self, request: Request) -> Response:
        body = body_of(request)
        namespace, tenant = scope_of(request, body)
        profile = TemplateProfile(
            namespace=namespace, tenant=tenant, fields=body.get("fields"), **_common(body)
        )
        return Response(profile_shape(profile_save(profile)), status=201)


class ProfileDetail(Endpoint):
    def get(self, request: Request, pk: str) -> Response:
        return Response(profile_shape(_found(request, TemplateProfile, pk)))

    def put(self, request: Request, pk: str) -> Response:
        profile, body = _found(request, TemplateProfile, pk), body_of(request)
        for name, value in _common({**profile_shape(profile), **body}).items():
            setattr(profile, name, value)
        profile.fields = body.get("fields", profile.fields)
        return Response(profile_shape(profile_save(profile)))

    def delete(self, request: Request, pk: str) -> Response:
        profile_delete(_found(request, TemplateProfile, pk))
        return Response(status=204)


class Render(Endpoint):
    """Try a profile, a template by its name, or a text on data. Stores nothing."""

    write_role = Role.VIEWER
    heavy_from = 0

    def post(self, request: Request) -> Response:
        body = body_of(request)
        if "profile" in body:
            return Response({"rendered": _rendered_profile(request, body)})
        if not isinstance(body.get("template"), str):
            raise invalid_field("template", "is required (or profile, namespace and tenant)")
        return Response({"rendered": _rendered_template(request, body)})


def _rendered_profile(request: Request, body: dict[str, Any]) -> dict[str, str]:
    namespace, tenant = scope_of(request, body)
    if not isinstance(body["profile"], str):
        raise invalid_field("profile", "must be text")
    profile = profile_named(namespace, tenant, body["profile"])
    if profile is None:
        raise not_found(f"no profile is named {body['profile']!r} here")
    context, budget = _context(namespace, tenant, _data(body, "payload")), Budget()
    return {name: _rendered(name, text, context, budget) for name, text in profile.items()}


def _rendered_template(request: Request, body: dict[str, Any]) -> str:
    """`template` is a template's name where there is such a name, else a text."""
    data = _data(body, "data") or _data(body, "payload")
    named = _template_named(request, body)
    if named is None:
        return _rendered("template", body["template"], data, Budget())
    return _rendered("template", named.content, _context(named.namespace, named.tenant, data), Budget())


def _template_named(request: Request, body: dict[str, Any]) -> Template | None:
    """The template of this name, among those that the caller may see; None where it is a text."""
    name = body["template"]
    seen = Template.objects.filter(name=name, **caller_of(request).lookups())
    if any(part in body for part in SCOPE):
        namespace, tenant = scope_of(request, body)
        found = seen.filter(namespace=namespace, tenant=tenant).first()
        if found is None and not any(mark in name for mark in MARKS):
            # A misspelt name must not come back as its own text.
            raise not_found(f"no template is named {name!r} here")
        return found
    several = list(seen[:2])
    if len(several) > 1:
        raise invalid_field("template", "several tenants have one of this name: name namespace and tenant")
    return several[0] if several else None


def _context(namespace: str, tenant: str, payload: dict[str, Any]) -> dict[str, Any]:
    """As on dispatch."""
    return {**payload, "payload": payload, "namespace": namespace, "tenant": tenant}


def _data(body: dict[str, Any], name: str) -> dict[str, Any]:
    data = body.get(name)
    if data is not None and not isinstance(data, dict):
        raise invalid_field(name, "must be an object")
    return data or {}


def _rendered(name: str, text: str, context: dict[str, Any], budget: Budget) -> str:
    try:
        return render_text(text, context, budget)
    except RenderError as error:
        raise invalid_field(name, f"cannot be rendered: {error}") from None


def _content(body: dict[str, Any]) -> Any:
    """`body` is an older client's name for it."""
    return body.get("content", body.get("body"))


def _common(body: dict[str, Any]) -> dict[str, Any]:
    labels, description = (
        default if body.get(name) is None else body[name]
        for name, default in (("labels", {}), ("description", ""))
    )
    if not isinstance(labels, dict) or not all(isinstance(text, str) for text in labels.values()):
        raise invalid_field("labels", "must be an object of texts")
    if not isinstance(description, str):
        raise invalid_field("description", "must be text")
    return {"name": body.get("name"), "labels": labels, "description": description}


def _listed(request: Request, rows: QuerySet[M]) -> QuerySet[M]:
    """Clients name no scope and mean all that their key may see."""
    return rows.filter(**asked_scope(request)).filter(**caller_of(request).lookups())


def _found(request: Request, model: Any, pk: str) -> Any:
    key = as_uuid(pk)
    row = model.objects.filter(pk=key).first() if key else None
    if row is None:
        raise not_found("there is nothing here")
    require_seen(request, row.namespace, row.tenant)
    return row
