"""/v1/rules/lists: the lists that rules ask by name, and what is on them.

Lists are seen like rules: the caller's own and those that are shared. What is on one is read and changed by
administrators whose key covers all that the list is for.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import FieldProblem, forbidden, invalid, invalid_field, not_found
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Role
from acteon_site.http.endpoint import (
    Endpoint,
    body_of,
    caller_of,
    integer_of,
    page_response,
    source_of,
)
from rules_app.api.list_shapes import changed_shape, entry_shape, list_shape, preview_shape
from rules_app.lists.stored import entries_on
from rules_app.models import NamedList
from rules_app.services.list_entries import (
    entries_add,
    entries_import,
    entries_parsed,
    entries_remove,
    import_preview,
)
from rules_app.services.lists import list_checked, list_create, list_delete, list_describe

FILTERS = ("name", "namespace", "tenant")


class ListList(Endpoint):
    """A key for some tenants sees their lists and those that they share."""

    def get(self, request: Request) -> Response:
        asked = {name: request.query_params[name] for name in FILTERS if name in request.query_params}
        return page_response(request, "lists", _seen(request).filter(**asked), list_shape)

    def post(self, request: Request) -> Response:
        body = body_of(request)
        facts = list_checked(body)
        _require_covered(request, facts["namespace"], facts["tenant"])
        return Response(list_shape(list_create(spec=body, source=source_of(request))), status=201)


class ListDetail(Endpoint):
    def get(self, request: Request, list_id: str) -> Response:
        return Response(list_shape(_list(request, list_id)))

    def put(self, request: Request, list_id: str) -> Response:
        row, body = _own(request, list_id), body_of(request)
        if body.keys() != {"description"}:
            raise invalid_field("description", "is what can be changed of a list, and nothing else")
        changed = list_describe(row=row, description=body["description"], source=source_of(request))
        return Response(list_shape(changed))

    def delete(self, request: Request, list_id: str) -> Response:
        list_delete(row=_own(request, list_id), source=source_of(request))
        return Response(status=204)


class ListEntries(Endpoint):
    """The newest first; `before` is the id of the last one seen. Values are read by administrators."""

    read_role = Role.ADMIN

    def get(self, request: Request, list_id: str) -> Response:
        rows = entries_on(_own(request, list_id))
        before = integer_of(request, "before", 0, lowest=0, highest=999_999_999)
        return page_response(request, "entries", rows.filter(pk__lt=before) if before else rows, entry_shape)

    def post(self, request: Request, list_id: str) -> Response:
        row, entries = _own(request, list_id), entries_parsed(body_of(request).get("entries"))
        return Response(changed_shape(entries_add(row=row, entries=entries, source=source_of(request))))


class ListEntriesRemove(Endpoint):
    """With a body, since values do not belong in addresses."""

    def post(self, request: Request, list_id: str) -> Response:
        row, values = _own(request, list_id), body_of(request).get("values")
        if not isinstance(values, list) or not values or not all(isinstance(one, str) for one in values):
            raise invalid_field("values", "must be a list of texts, with at least one")
        return Response({"removed": entries_remove(row=row, values=values, source=source_of(request))})


class ListImport(Endpoint):
    """A whole text, CSV or one value on each line; all of it or nothing."""

    def post(self, request: Request, list_id: str) -> Response:
        row, body = _own(request, list_id), body_of(request)
        text = body.get("text")
        if not isinstance(text, str) or not text.strip():
            raise invalid_field("text", "must be the text to import")
        flags = [_flag(body, name) for name in ("replace", "dry_run")]
        if flags[1]:
            return Response(preview_shape(import_preview(row=row, text=text)))
        return Response(
            changed_shape(entries_import(row=row, text=text, source=source_of(request), replace=flags[0]))
        )


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise invalid(f"{name} must be true or false", [FieldProblem(name, "must be true or false")])
    return value


def _seen(request: Request) -> QuerySet[NamedList]:
    caller = caller_of(request)
    rows = NamedList.objects.order_by("name", "namespace", "tenant")
    if "*" not in caller.namespaces:
        rows = rows.filter(namespace__in=(*caller.namespaces, "*"))
    return rows if "*" in caller.tenants else rows.filter(Q(tenant__in=caller.tenants) | Q(tenant="*"))


def _list(request: Request, list_id: str) -> NamedList:
    key = as_uuid(list_id)
    row = _seen(request).filter(pk=key).first() if key else None
    if row is None:
        raise not_found("there is no such list")
    return row


def _own(request: Request, list_id: str) -> NamedList:
    """404 for a list that the caller may not see, 403 for one that others share."""
    row = _list(request, list_id)
    _require_covered(request, row.namespace, row.tenant)
    return row


def _require_covered(request: Request, namespace: str, tenant: str) -> None:
    if not caller_of(request).covers(namespace, tenant):
        raise forbidden(f"this list is for {namespace}/{tenant}, which this key does not cover whole")
