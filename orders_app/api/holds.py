"""Lists of holds, as approvals and as schedules."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework.request import Request

from acteon_site.base.errors import bad_query
from acteon_site.http.endpoint import caller_of, page_of
from orders_app.models import Hold
from orders_app.states import HoldKind, HoldStatus


def seen_holds(request: Request, scope: tuple[str, str], *kinds: HoldKind) -> QuerySet[Hold]:
    """All of these kinds in a namespace and tenant, ended ones too, as far as the caller may see them."""
    namespace, tenant = scope
    holds = Hold.objects.filter(namespace=namespace, tenant=tenant, kind__in=kinds)
    return holds.filter(**caller_of(request).action_lookups("action__"))


def page_of_holds(request: Request, holds: QuerySet[Hold]) -> QuerySet[Hold]:
    """The page that the query asks for, newest first. Raises 400 where `status` is no status of a hold."""
    page, status = page_of(request), request.query_params.get("status")
    if status is not None and status not in HoldStatus.values:
        raise bad_query(f"status must be one of {', '.join(HoldStatus.values)}")
    if status:
        holds = holds.filter(status=status)
    return holds.order_by("-created_at")[page.offset : page.offset + page.limit]
