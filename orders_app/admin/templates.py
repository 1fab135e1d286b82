"""Templates and the profiles that use them, through the services that the API calls too."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from acteon_site.admin.buttons import actor_of
from acteon_site.admin.config_pages import ConfigAdmin, TellsChanges, origin_of
from orders_app.admin.forms import ProfileForm, TemplateForm
from orders_app.models import Template, TemplateProfile
from orders_app.services.template_edits import profile_delete, profile_save, template_delete, template_save

NAMES = ("name", "namespace", "tenant")
HISTORY = ("origin", "edited_by", "edited_at")


class NamedAdmin(TellsChanges, ConfigAdmin):  # type: ignore[misc]
    """What other rows or actions refer to by name keeps its name."""

    list_filter = ("namespace", "tenant")
    search_fields = ("name", "description")
    ordering = NAMES
    readonly_fields = HISTORY

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*NAMES, *HISTORY) if obj else HISTORY

    @display(description="From", ordering="source")
    def origin(self, row: Any) -> str:
        return origin_of(row)

    def sign(self, request: HttpRequest, row: Template | TemplateProfile) -> None:
        row.edited_by, row.edited_at = actor_of(request), timezone.now()


@admin.register(Template)
class TemplateAdmin(NamedAdmin):
    form = TemplateForm
    list_display = (*NAMES, "description", "origin")
    fieldsets = (
        (None, {"fields": (*NAMES, "content")}),
        ("Notes", {"fields": ("description", "labels", *HISTORY)}),
    )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        self.sign(request, obj)
        template_save(obj)

    def delete_model(self, request: HttpRequest, obj: Template) -> None:
        template_delete(obj)


@admin.register(TemplateProfile)
class TemplateProfileAdmin(NamedAdmin):
    form = ProfileForm
    list_display = (*NAMES, "filled", "description", "origin")
    fieldsets = (
        (None, {"fields": (*NAMES, "fields")}),
        ("Notes", {"fields": ("description", "labels", *HISTORY)}),
    )

    @display(description="Fields that it fills")
    def filled(self, profile: TemplateProfile) -> str:
        return ", ".join(profile.fields)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        self.sign(request, obj)
        profile_save(obj)

    def delete_model(self, request: HttpRequest, obj: TemplateProfile) -> None:
        profile_delete(obj)
