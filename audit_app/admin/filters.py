"""Filters of big tables by tenant and outcome: they hit indexes and never ask the table itself for its values."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from acteon_site.admin.scoped import narrowed, reader_of
from acteon_site.base.principals import Principal
from audit_app.models import AuditHead
from audit_app.records.vocabulary import OUTCOMES

MOST_SCOPES = 200


class ScopeFilter(admin.SimpleListFilter):
    """Namespace and tenant, from the few heads of hash chains."""

    title = "tenant"
    parameter_name = "scope"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(":".join(one), " / ".join(one)) for one in scopes_seen(request)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        namespace, colon, tenant = (self.value() or "").partition(":")
        return queryset.filter(namespace=namespace, tenant=tenant) if colon else queryset


class OutcomeFilter(admin.SimpleListFilter):
    """A fixed vocabulary."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(outcome, outcome) for outcome in sorted(OUTCOMES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return within_scopes(queryset).filter(outcome=self.value()) if self.value() else queryset


def within_scopes(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """Narrowed to all tenants that have a trail, by name: so an index that begins with the tenant serves."""
    scopes = scopes_known()
    if not scopes or len(scopes) == MOST_SCOPES:
        return queryset
    namespaces, tenants = zip(*scopes, strict=True)
    return queryset.filter(namespace__in=set(namespaces), tenant__in=set(tenants))


def scopes_known(most: int = MOST_SCOPES) -> list[tuple[str, str]]:
    """Namespaces and tenants that have a trail: for an index's sake, never to be shown."""
    return _scopes(AuditHead.objects.all(), most)


def scopes_of(reader: Principal, most: int = MOST_SCOPES) -> list[tuple[str, str]]:
    """Those of them that the reader may know of."""
    return _scopes(narrowed(AuditHead.objects.all(), reader), most)


def scopes_seen(request: HttpRequest) -> list[tuple[str, str]]:
    """What a person chooses from."""
    return scopes_of(reader_of(request))


def scope_chosen(request: HttpRequest) -> tuple[str, str] | None:
    """The shop that the address names; None for all that the person reaches, also where it is not his to choose."""
    namespace, colon, tenant = request.GET.get("scope", "").partition(":")
    return (namespace, tenant) if colon and reader_of(request).covers(namespace, tenant) else None


def _scopes(heads: QuerySet[AuditHead], most: int) -> list[tuple[str, str]]:
    return list(heads.order_by("namespace", "tenant").values_list("namespace", "tenant")[:most])
