"""Named lists: what each is for, what is on it page by page, and the import with its preview."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from acteon_site.admin.buttons import change_url, source_of
from acteon_site.admin.config_pages import ConfigAdmin, origin_of
from acteon_site.admin.exports import PAGE, Columns, file_head, file_line, stream_answer
from acteon_site.admin.scoped import visible
from acteon_site.base.breathing import in_breaths, making_way
from acteon_site.base.errors import AppError
from acteon_site.base.keyset import Keyset, pages
from rules_app.admin.list_forms import EntryForm, ImportForm, NamedListForm, packed, unpacked
from rules_app.lists.memory import key_for
from rules_app.lists.stored import entries_on, entry_in_clear, rules_naming
from rules_app.lists.texts import COLUMNS, Entry
from rules_app.models import ListEntry, NamedList, Rule
from rules_app.services.list_entries import (
    entries_add,
    entries_import,
    entries_remove_rows,
    import_preview,
)
from rules_app.services.lists import list_create, list_delete, list_describe

PER_PAGE = 50
MOST_LINES = 50
EXPORTED: Columns = {name: name for name in COLUMNS}
MAY_CHANGE = "rules_app.change_namedlist"
View = Callable[[HttpRequest, NamedList], HttpResponseBase]


@admin.register(NamedList)
class NamedListAdmin(ConfigAdmin):
    form = NamedListForm
    shows_shared = True
    list_display = ("name", "whose", "size", "matching", "origin", "description")
    search_fields = ("name", "description")
    list_filter = ("namespace", "tenant")
    ordering = ("name", "namespace", "tenant")
    change_form_before_template = "admin/rules_app/list_links.html"  # type: ignore[assignment]
    readonly_fields = ("size", "asked_by", "origin", "edited_by", "edited_at")
    fieldsets = (
        (None, {"fields": ("name", "description", "matching", "size", "asked_by")}),
        ("For whom", {"fields": ("namespace", "tenant")}),
        ("History", {"fields": ("origin", "edited_by", "edited_at")}),
    )

    @display(description="For", ordering="namespace")
    def whose(self, row: NamedList) -> str:
        return "everyone" if row.is_shared else row.scope.replace("/", " / ")

    @display(description="From", ordering="source")
    def origin(self, row: NamedList) -> str:
        return origin_of(row)

    @display(description="Asked by")
    def asked_by(self, row: NamedList) -> str:
        rules = getattr(row, "seen_rules", Rule.objects.none())
        named = rules_naming(row.name, rules.order_by("priority", "name")) if row.name else []
        return ", ".join(rule.name for rule in named) or "no rule"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None:
            row.seen_rules = visible(request, Rule.objects.all(), shared=True)
        return row

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What rules and entries go by is chosen once."""
        fixed = ("name", "matching", "namespace", "tenant") if obj else ()
        return (*self.readonly_fields, *fixed)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            list_describe(row=obj, description=obj.description, source=source_of(request))
            return
        names = ("name", "namespace", "tenant", "matching", "description")
        row = list_create(spec={name: getattr(obj, name) for name in names}, source=source_of(request))
        obj.pk, obj._state.adding = row.pk, False

    def delete_model(self, request: HttpRequest, obj: NamedList) -> None:
        list_delete(row=obj, source=source_of(request))

    def get_urls(self) -> list[URLPattern]:
        views: dict[str, View] = {"entries": self.entries, "import": self.import_page, "export": self.export}
        own = [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(self._of_a_list(view)), name=_named(name))
            for name, view in views.items()
        ]
        return own + super().get_urls()

    def _of_a_list(self, view: View) -> Callable[..., HttpResponseBase]:
        def shown(request: HttpRequest, pk: UUID) -> HttpResponseBase:
            if not self.has_view_permission(request):
                raise PermissionDenied
            row = self.get_queryset(request).filter(pk=pk).first()
            if row is None:
                self.message_user(request, "There is no such list any more.", messages.WARNING)
                return HttpResponseRedirect(reverse("admin:rules_app_namedlist_changelist"))
            return view(request, row)

        return shown

    def _may_edit(self, request: HttpRequest, row: NamedList) -> bool:
        return request.user.has_perm(MAY_CHANGE) and self.reaches(request, self.act_role, row)

    def entries(self, request: HttpRequest, row: NamedList) -> HttpResponse:
        """What is on the list. A value is looked for by a form that posts: it does not belong in an address."""
        may_change = self._may_edit(request, row)
        form = EntryForm(request.POST if request.POST.get("do") == "add" else None)
        found = entries_on(row)
        if request.method == "POST":
            if not may_change:
                raise PermissionDenied
            if request.POST.get("do") == "find":
                found = found.filter(key=key_for(request.POST.get("find", ""), row.matching))
            elif changed := self._changed(request, row, form):
                return changed
        page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
        shown = [_shown(entry, in_clear=may_change) for entry in page]
        context = {"page": page, "entries": shown, "form": form, "find": request.POST.get("find", "")}
        return self._page(request, row, "list_entries.html", f"On the list {row}", context)

    def _changed(self, request: HttpRequest, row: NamedList, form: EntryForm) -> HttpResponse | None:
        source = source_of(request)
        try:
            if request.POST.get("do") == "remove":
                ids = [int(one) for one in request.POST.getlist("entry") if one.isdigit()]
                removed = entries_remove_rows(row=row, ids=ids, source=source)
                self.message_user(request, f"{removed} taken off the list.")
            elif form.is_valid():
                changed = entries_add(row=row, entries=[Entry(**form.cleaned_data)], source=source)
                self.message_user(
                    request, "It is on the list." if changed.added else "It was on the list already."
                )
            else:
                return None
        except AppError as error:
            self.message_user(request, f"Nothing was changed: {error.message}", messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def import_page(self, request: HttpRequest, row: NamedList) -> HttpResponse:
        """First what an import would do, then the import of exactly that text."""
        if not self._may_edit(request, row):
            raise PermissionDenied
        if request.POST.get("text"):
            return self._imported(request, row)
        form = ImportForm(request.POST or None, request.FILES or None)
        context: dict[str, Any] = {"form": form}
        if form.is_bound and form.is_valid():
            text = form.cleaned_data["text"]
            found = import_preview(row=row, text=text)
            lines = {"bad": found.bad[:MOST_LINES], "double": found.double[:MOST_LINES]}
            context |= {
                "found": found,
                "lines": lines,
                "packed": packed(text),
                "removes": form.cleaned_data["replace"],
            }
        return self._page(request, row, "list_import.html", f"Import into {row}", context)

    def _imported(self, request: HttpRequest, row: NamedList) -> HttpResponse:
        replace = request.POST.get("replace") == "yes"
        try:
            text = unpacked(request.POST["text"])
            changed = entries_import(row=row, text=text, source=source_of(request), replace=replace)
        except AppError as error:
            self.message_user(request, f"Nothing was imported: {error.message}", messages.ERROR)
            return HttpResponseRedirect(_url(row, "import"))
        told = f"{changed.added} added, {changed.double} double, {changed.removed} removed."
        self.message_user(request, told)
        return HttpResponseRedirect(_url(row, "entries"))

    def export(self, request: HttpRequest, row: NamedList) -> HttpResponseBase:
        if not self._may_edit(request, row):
            raise PermissionDenied
        self.note(request, row, "exported a list")
        return stream_answer(request, lambda kind: _pieces(row, kind), "list")

    def _page(
        self, request: HttpRequest, row: NamedList, template: str, title: str, context: dict[str, Any]
    ) -> HttpResponse:
        whole = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "row": row,
            "may_change": self._may_edit(request, row),
            "urls": {name: _url(row, name) for name in ("entries", "import", "export")},
            "back": change_url(NamedList, row.pk),
            **context,
        }
        return TemplateResponse(request, f"admin/rules_app/{template}", whole)


def _pieces(row: NamedList, kind: str) -> Iterator[str]:
    """A piece for each page of entries, the oldest first; it can be imported again."""
    yield file_head(EXPORTED, kind)
    for page in pages(entries_on(row), Keyset(("id",)), PAGE):
        with making_way():
            yield "".join(file_line(entry_in_clear(one), EXPORTED, kind) for one in in_breaths(page))


def _named(page: str) -> str:
    return f"rules_app_namedlist_{page}"


def _url(row: NamedList, page: str) -> str:
    return reverse(f"admin:{_named(page)}", args=[row.pk])


def _shown(entry: ListEntry, *, in_clear: bool) -> dict[str, Any]:
    """Who may not change lists sees that there is an entry, and not its value."""
    clear = entry_in_clear(entry) if in_clear else None
    return {
        "id": entry.pk,
        "value": clear.value if clear else "not shown",
        "note": clear.note if clear else "",
        "entry": entry,
    }
