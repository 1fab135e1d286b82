"""What the admin pages of all apps share: read-only evidence, and pages that never count a big table."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import connections, models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from acteon_site.admin.scoped import ScopedAdmin
from acteon_site.base.replica import read_whole


class EstimatedPaginator(Paginator):  # type: ignore[type-arg]
    """Takes PostgreSQL's estimate for a whole big table and counts only what a filter leaves, up to CAP.

    So the last page may hold some rows more or fewer than it should; it always holds the last ones.
    """

    CAP = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if not isinstance(rows, models.QuerySet):
            return len(rows)
        if not rows.query.where:
            estimate = _estimated_rows(rows)
            if estimate > self.CAP:
                return estimate
        return int(rows.order_by()[: self.CAP].count())

    def page(self, number: Any) -> Any:
        """Pages of the second half are read from the end: the database walks through all rows before a page."""
        rows: Any = self.object_list
        number = self.validate_number(number)
        bottom = (number - 1) * self.per_page
        is_capped = self.count == self.CAP  # the end is not where it seems
        if not isinstance(rows, models.QuerySet) or is_capped or bottom <= self.count / 2:
            return super().page(number)
        top = min(bottom + self.per_page, self.count)
        from_the_end = rows.reverse()[self.count - top : self.count - bottom]
        return Page(list(from_the_end)[::-1], number, self)


class ReadOnlyAdmin(ScopedAdmin):
    """Evidence: nothing can be added, changed or deleted by hand."""

    paginator = EstimatedPaginator
    show_full_result_count = False
    list_per_page = 50
    actions = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method != "GET":
            return super().changelist_view(request, extra_context)
        return read_whole(lambda: self._rendered_list(request, extra_context))

    def _rendered_list(self, request: HttpRequest, extra_context: dict[str, Any] | None) -> HttpResponse:
        """With all its rows: what is left to a template would be read later, and elsewhere."""
        response = super().changelist_view(request, extra_context)
        return response.render() if isinstance(response, TemplateResponse) else response

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


def _estimated_rows(rows: models.QuerySet[Any]) -> int:
    server = connections[rows.db]
    if server.vendor != "postgresql":
        return 0
    with server.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)", [rows.model._meta.db_table]
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0
