"""What the admin pages of all apps share: read-only evidence, and pages that never count a big table."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connection, models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin


class EstimatedPaginator(Paginator):  # type: ignore[type-arg]
    """Takes PostgreSQL's estimate for a whole big table and counts only what a filter leaves, up to CAP."""

    CAP = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if not isinstance(rows, models.QuerySet):
            return len(rows)
        if not rows.query.where:
            estimate = _estimated_rows(rows.model._meta.db_table)
            if estimate > self.CAP:
                return estimate
        return int(rows.order_by()[: self.CAP].count())


class ReadOnlyAdmin(ModelAdmin):
    """Evidence: nothing can be added, changed or deleted by hand."""

    paginator = EstimatedPaginator
    show_full_result_count = False
    list_per_page = 50
    actions = None

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> Any:
        # Nobody edits these rows, so the admin keeps no history of edits.
        return super().render_change_form(request, context | {"show_history": False}, *args, **options)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def pretty_json(value: Any) -> SafeString | str:
    """Indented JSON as escaped HTML; an empty value is a dash."""
    if value in (None, "", {}, []):
        return "-"
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return format_html('<pre style="white-space: pre-wrap; margin: 0">{}</pre>', text)


def _estimated_rows(table: str) -> int:
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)", [table])
        row = cursor.fetchone()
    return int(row[0]) if row else 0
