"""Providers: settings in the open, secrets write-only, both checked by the kind's own file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from chains_app.admin.forms import ProviderForm
from chains_app.admin.pages import ConfigAdmin, actor_of, origin_of
from chains_app.models import Provider
from chains_app.services.providers import provider_delete, provider_save, provider_users


@admin.register(Provider)
class ProviderAdmin(ConfigAdmin):
    form = ProviderForm
    list_display = ("name", "kind", "state", "description", "origin")
    list_filter = ("kind", "enabled")
    search_fields = ("name", "description")
    ordering = ("name",)
    readonly_fields = ("stored_secrets", "used_by", "origin", "edited_by", "edited_at")
    fieldsets = (
        (None, {"fields": ("name", "kind", "enabled", "description")}),
        ("Settings", {"fields": ("config", "new_secrets", "stored_secrets")}),
        ("Calls", {"fields": ("timeout_seconds", "idempotency_window_seconds", "used_by")}),
        ("History", {"fields": ("origin", "edited_by", "edited_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> tuple[str, ...]:
        return ("name", *self.readonly_fields) if obj else self.readonly_fields

    @display(description="State", label={"enabled": "success", "disabled": "warning"}, ordering="enabled")
    def state(self, provider: Provider) -> str:
        return "enabled" if provider.enabled else "disabled"

    @display(description="Stored secrets")
    def stored_secrets(self, provider: Provider) -> str:
        """Their names; a value never leaves the server."""
        return ", ".join(_secret_names(provider.secrets or {})) or "none"

    @display(description="Used by")
    def used_by(self, provider: Provider) -> str:
        return ", ".join(provider_users(provider.name)) if provider.pk else "-"

    @display(description="From", ordering="source")
    def origin(self, provider: Provider) -> str:
        return origin_of(provider)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        saved = provider_save(spec=form.spec(), actor=actor_of(request), keep_secrets=form.keeps_secrets)
        obj.pk = saved.pk

    def delete_model(self, request: HttpRequest, obj: Provider) -> None:
        provider_delete(name=obj.name, actor=actor_of(request))


def _secret_names(secrets: Mapping[str, Any]) -> list[str]:
    names = []
    for key, value in sorted(secrets.items()):
        names += [f"{key}.{inner}" for inner in sorted(value)] if isinstance(value, Mapping) else [key]
    return names
