"""Quotas, with how far each is used."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from acteon_site.admin.buttons import actor_of
from acteon_site.admin.config_pages import TellsChanges
from acteon_site.base.clock_text import span_in_words
from rules_app.admin.forms import QuotaForm
from rules_app.engine.quota_terms import overage_text
from rules_app.models import Quota
from rules_app.services.quota_windows import quota_usage
from rules_app.services.quotas import quota_delete, quota_save


@admin.register(Quota)
class QuotaAdmin(TellsChanges):
    form = QuotaForm
    list_display = ("__str__", "usage", "when_full", "narrowed_to", "state", "description")
    list_filter = ("enabled", "window", "overage", "namespace", "tenant")
    search_fields = ("namespace", "tenant", "provider", "principal", "description")
    ordering = ("namespace", "tenant", "provider", "principal")
    list_per_page = 25
    readonly_fields = ("usage", "source", "edited_by", "edited_at")
    fieldsets = (
        (None, {"fields": ("namespace", "tenant", "enabled", "usage")}),
        ("How many", {"fields": ("max_actions", "window", "window_seconds")}),
        ("When it is full", {"fields": ("overage", "overage_target")}),
        ("Narrowed to", {"fields": ("provider", "principal", "per_principal")}),
        ("Notes", {"fields": ("description", "labels", "source", "edited_by", "edited_at")}),
    )

    @display(description="Used")
    def usage(self, quota: Quota) -> str:
        if quota._state.adding:
            return "-"
        if quota.per_principal:
            return "counted for each caller on its own"
        now = quota_usage(quota)
        return f"{now.used} of {now.limit}, resets {now.resets_at:%Y-%m-%d %H:%M:%S} UTC"

    @display(description="When full")
    def when_full(self, quota: Quota) -> str:
        return overage_text(quota.overage, quota.overage_target)

    @display(description="Narrowed to")
    def narrowed_to(self, quota: Quota) -> str:
        seconds = quota.window_seconds if quota.window == Quota.Window.CUSTOM else None
        parts = (quota.provider, quota.principal, seconds and f"windows of {span_in_words(seconds)}")
        return ", ".join(part for part in parts if part) or "everything"

    @display(description="State", label={"enabled": "success", "disabled": "warning"}, ordering="enabled")
    def state(self, quota: Quota) -> str:
        return "enabled" if quota.enabled else "disabled"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        quota_save(quota=obj, actor=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: Quota) -> None:
        quota_delete(quota=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Quota]) -> None:
        for quota in queryset:
            quota_delete(quota=quota)
