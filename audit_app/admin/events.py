"""The events that the stream has sent."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from acteon_site.admin.read_only import ReadOnlyAdmin, pretty_json
from audit_app.models import Event


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("number", "created_at", "type", "tenant", "action_type", "action_id", "chain_id")
    search_fields = ("action_id",)
    search_help_text = "The exact action id or chain id"
    ordering = ("-number",)
    show_facets = admin.ShowFacets.NEVER
    fields = (
        "number",
        "created_at",
        "type",
        "namespace",
        "tenant",
        "action_type",
        "action_id",
        "chain_id",
        "shown",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(Q(action_id=term) | Q(chain_id=term)) if term else queryset), False

    @admin.display(description="Data")
    def shown(self, event: Event) -> SafeString | str:
        return pretty_json(event.data)
