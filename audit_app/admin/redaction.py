"""Which payload fields never reach the trail."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest

from acteon_site.admin.buttons import actor_of
from acteon_site.admin.config_pages import TellsChanges
from audit_app.models import RedactedField
from audit_app.services.redaction import redacted_field_delete, redacted_field_save


@admin.register(RedactedField)
class RedactedFieldAdmin(TellsChanges):
    list_display = ("path", "enabled", "placeholder", "source", "edited_by")
    search_fields = ("path",)
    readonly_fields = ("source", "edited_by", "edited_at", "created_at")

    def save_model(self, request: HttpRequest, obj: Model, form: Form, change: bool) -> None:
        if isinstance(obj, RedactedField):
            redacted_field_save(field=obj, actor=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: RedactedField) -> None:
        redacted_field_delete(field=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RedactedField]) -> None:
        for field in queryset:
            redacted_field_delete(field=field)
