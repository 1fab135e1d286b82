"""What the admin pages of all apps share: read-only evidence, and pages that never count a big table."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import connections, models
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseBase, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from acteon_site.admin.exports import Columns, export_answer
from acteon_site.admin.paging import KeysetChangeList
from acteon_site.admin.scoped import ScopedAdmin
from acteon_site.base.replica import read_whole


class EstimatedPaginator(Paginator):  # type: ignore[type-arg]
    """Takes PostgreSQL's estimate for a whole big table and counts only what a filter leaves, up to CAP.

    So the last page may hold some rows more or fewer than it should; it always holds the last ones.
    """

    CAP = 10_000
    template_name = "admin/acteon_site/pages.html"  # unfold looks for it here

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
    # By its indexes alone: sorted by another column a big table would be read whole.
    sortable_by = ()
    # Names of an export's columns: a field, or what makes the value of a row. Empty: there is none.
    exports: ClassVar[Columns] = {}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only what has a value: a screen of empty fields says nothing."""
        sets = super().get_fieldsets(request, obj)
        if obj is None:
            return sets
        shown = [(title, {**told, "fields": _filled(told["fields"], obj)}) for title, told in sets]
        return [(title, told) for title, told in shown if told["fields"]]

    def get_changelist(self, request: HttpRequest, **options: Any) -> Any:
        return KeysetChangeList

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        own = [path("export/", self.admin_site.admin_view(self.export), name=name)] if self.exports else []
        urls: list[URLPattern] = super().get_urls()
        return own + urls

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """What the list shows under its filters, as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        answered = request.GET
        request.GET = _without(answered, "format")  # type: ignore[assignment]
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseBadRequest("The address names a filter that this list does not have.")
        request.GET = answered
        return export_answer(self, request, rows, self.exports)

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


def _filled(fields: Any, row: Any) -> list[Any]:
    """Without columns of the row that hold nothing. What a page works out by itself stays."""
    columns = {field.name: field.attname for field in row._meta.concrete_fields}
    return [
        name
        for name in fields
        if name not in columns or getattr(row, columns[name]) not in (None, "", [], {})
    ]


def _without(query: QueryDict, name: str) -> QueryDict:
    left = query.copy()
    left.pop(name, None)
    return left


def is_list(request: HttpRequest) -> bool:
    """Whether many rows are shown, of which what is encrypted stays closed."""
    match = request.resolver_match
    return match is not None and str(match.url_name).endswith(("_changelist", "_export"))


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
