"""Filters of big tables by tenant and outcome: they hit indexes and never ask the table itself for its values."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit_app.models import AuditHead
from audit_app.records.vocabulary import OUTCOMES

MOST_SCOPES = 200


class ScopeFilter(admin.SimpleListFilter):
    """Namespace and tenant, from the few heads of hash chains."""

    title = "tenant"
    parameter_name = "scope"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(f"{namespace}:{tenant}", f"{namespace} / {tenant}") for namespace, tenant in scopes()]

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
    found = scopes()
    if not found or len(found) == MOST_SCOPES:
        return queryset
    namespaces, tenants = zip(*found, strict=True)
    return queryset.filter(namespace__in=set(namespaces), tenant__in=set(tenants))


def scopes() -> list[tuple[str, str]]:
    heads = AuditHead.objects.order_by("namespace", "tenant")
    return list(heads.values_list("namespace", "tenant")[:MOST_SCOPES])
