"""Pages of configuration that people edit through services."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from acteon_site.admin.buttons import change_url
from acteon_site.admin.scoped import ScopedAdmin
from acteon_site.base.differences import changes
from acteon_site.base.errors import AppError
from acteon_site.base.managed import ManagedConfig

MOST_TOLD = 4000  # characters


class TellsChanges(ScopedAdmin):
    """The history of a row (Django's own, behind its button) says what was changed, from what to what.

    Not for pages with secrets: what is said there can be read by whoever may look at the row.
    """

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        if add:
            return super().construct_change_message(request, form, formsets, add)
        said = [
            str(change)
            for name in form.changed_data
            for change in changes(form.initial.get(name), form.cleaned_data.get(name), name.replace("_", " "))
        ]
        # A text that begins with a bracket would be taken for JSON.
        return "Changed " + "; ".join(said)[:MOST_TOLD] if said else "Saved without a change"


class ConfigAdmin(ScopedAdmin):
    """What the services refuse becomes a message, and nothing is saved."""

    actions = None
    list_per_page = 50

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except AppError as error:
            return self.not_saved(request, error)

    def not_saved(self, request: HttpRequest, error: AppError) -> HttpResponse:
        self.message_user(request, f"Not saved: {error.message}", messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except AppError as error:
            self.message_user(request, f"Not deleted: {error.message}", messages.ERROR)
            return HttpResponseRedirect(change_url(self.model, object_id))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        # Django would load every version and run that refers to it; the service knows what stands in the way.
        return [str(row) for row in objs], {}, set(), []


def origin_of(row: ManagedConfig) -> str:
    """Where the row came from, in words."""
    if not row.source:
        return "made by hand"
    edited = ", edited since: the next load of that file stops there unless forced" if row.edited_by else ""
    return f"{row.source}{edited}"
