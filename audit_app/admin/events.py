"""The events that the stream has sent."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from acteon_site.admin.cells import id_cell, shop_cell, text_cell
from acteon_site.admin.read_only import ReadOnlyAdmin, pretty_json
from audit_app.models import Event


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "type", "shop", "action_type", "action", "run", "number")
    exports: ClassVar = {
        **{name: name for name in ("number", "created_at", "type", "namespace", "tenant", "provider")},
        **{name: name for name in ("action_type", "action_id", "chain_id", "data")},
    }
    search_fields = ("action_id",)
    search_help_text = "The exact action id or chain id"
    ordering = ("-id",)  # in order of time, and never null
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

    @admin.display(description="Shop")
    def shop(self, event: Event) -> str:
        return shop_cell(event)

    @admin.display(description="Action")
    def action(self, event: Event) -> SafeString | str:
        return text_cell(event.action_id)

    @admin.display(description="Run")
    def run(self, event: Event) -> SafeString | str:
        return id_cell(event.chain_id)

    @admin.display(description="Data")
    def shown(self, event: Event) -> SafeString | str:
        return pretty_json(event.data)
