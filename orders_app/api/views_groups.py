"""/v1/groups: actions that are gathered for one call; what waits, what was sent, and sending it now."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.breathing import in_breaths
from acteon_site.base.errors import FieldProblem, bad_query, not_found
from acteon_site.base.ids import as_uuid
from acteon_site.base.principals import Role
from acteon_site.base.replica import reads_replica
from acteon_site.http.endpoint import (
    Endpoint,
    asked_scope,
    caller_of,
    page_of,
    scope_of,
    shaped,
    source_of,
)
from orders_app.api.shapes import group_shape, grouped_shape
from orders_app.models import ActionGroup
from orders_app.services.groups import group_flush_now
from orders_app.states import GroupState

MOST_COUNTED = 10_000


class Groups(Endpoint):
    """Newest first; `state` filters."""

    @reads_replica
    def get(self, request: Request) -> Response:
        namespace, tenant = scope_of(request)
        page, state = page_of(request), request.query_params.get("state")
        if state is not None and state not in GroupState.values:
            message = f"must be one of {', '.join(GroupState.values)}"
            raise bad_query(f"state {message}", [FieldProblem("state", message)])
        found = ActionGroup.objects.filter(namespace=namespace, tenant=tenant)
        found = found.filter(**caller_of(request).action_lookups(), **({"state": state} if state else {}))
        rows = found.order_by("-id")[page.offset : page.offset + page.limit]
        return Response({"groups": shaped(rows, group_shape), "total": found[:MOST_COUNTED].count()})


class Group(Endpoint):
    """By its key: the one that waits, else the newest; or by its id."""

    write_role = Role.OPERATOR

    def get(self, request: Request, group_key: str) -> Response:
        page, group = page_of(request), _named(request, group_key)
        members = group.members.order_by("position")
        events = in_breaths(list(members[page.offset : page.offset + page.limit]))
        return Response(
            {
                "group": group_shape(group),
                "labels": group.labels,
                "events": [grouped_shape(member) for member in events],
            }
        )

    def delete(self, request: Request, group_key: str) -> Response:
        group = group_flush_now(group_id=_named(request, group_key).pk, source=source_of(request))
        return Response({"group_id": str(group.pk), "event_count": group.event_count, "status": group.state})


def _named(request: Request, name: str) -> ActionGroup:
    pk = as_uuid(name) if len(name) < 64 else None
    rows: QuerySet[ActionGroup] = ActionGroup.objects.filter(**asked_scope(request))
    rows = rows.filter(**caller_of(request).lookups()).filter(**caller_of(request).action_lookups())
    found = rows.filter(pk=pk).first() if pk else rows.filter(group_key=name).order_by("-id").first()
    if found is None:
        raise not_found("there is no such group")
    return found
