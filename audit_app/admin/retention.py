"""How long each tenant's data is kept."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest
from django.utils import timezone

from acteon_site.admin.buttons import actor_of, source_of
from acteon_site.admin.config_pages import TellsChanges
from audit_app.compliance import audit_ttl_problem
from audit_app.models import RetentionPolicy
from audit_app.services.retention import retention_delete, retention_note, terms_of, terms_stored


class RetentionPolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_audit_ttl_seconds(self) -> int | None:
        seconds: int | None = self.cleaned_data["audit_ttl_seconds"]
        if problem := audit_ttl_problem(seconds):
            raise forms.ValidationError(problem)
        return seconds


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(TellsChanges):
    form = RetentionPolicyForm
    list_display = (
        "namespace",
        "tenant",
        "enabled",
        "compliance_hold",
        "audit_ttl_seconds",
        "state_ttl_seconds",
        "event_ttl_seconds",
    )
    list_filter = ("enabled", "compliance_hold")
    search_fields = ("namespace", "tenant")
    ordering = ("namespace", "tenant")
    readonly_fields = ("source", "edited_by", "edited_at", "created_at")

    def save_model(self, request: HttpRequest, obj: Model, form: Form, change: bool) -> None:
        if isinstance(obj, RetentionPolicy):
            obj.edited_by, obj.edited_at = actor_of(request), timezone.now()
            with transaction.atomic():
                before = terms_stored(obj)
                super().save_model(request, obj, form, change)
                retention_note(before=before, after=terms_of(obj), source=source_of(request))

    def delete_model(self, request: HttpRequest, obj: RetentionPolicy) -> None:
        retention_delete(policy=obj, source=source_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RetentionPolicy]) -> None:
        with transaction.atomic():
            for policy in queryset.order_by("pk"):
                retention_delete(policy=policy, source=source_of(request))
