"""Providers: settings in the open, secrets write-only, both checked by the kind's own file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from acteon_site.admin.buttons import actor_of
from acteon_site.admin.config_pages import ConfigAdmin, origin_of
from chains_app.admin.forms import ProviderForm
from chains_app.models import Provider
from chains_app.services.in_use import provider_users
from chains_app.services.providers import provider_delete, provider_save

_ADDRESS = re.compile(r"https?://[^/?#]*", re.IGNORECASE)


@admin.register(Provider)
class ProviderAdmin(ConfigAdmin):
    form = ProviderForm
    list_display = ("name", "kind", "state", "description", "origin")
    list_filter = ("kind", "enabled")
    search_fields = ("name", "description")
    ordering = ("name",)
    readonly_fields = ("shown_config", "stored_secrets", "used_by", "origin", "edited_by", "edited_at")
    fieldsets = (
        (None, {"fields": ("name", "kind", "enabled", "description")}),
        ("Settings", {"fields": ("config", "new_secrets", "stored_secrets")}),
        ("Calls", {"fields": ("timeout_seconds", "max_concurrent", "idempotency_window_seconds", "used_by")}),
        ("History", {"fields": ("origin", "edited_by", "edited_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> tuple[str, ...]:
        return ("name", *self.readonly_fields) if obj else self.readonly_fields

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may not edit sees the settings without what an address holds behind its host: often a token."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        shown = (("Settings", {"fields": ("shown_config", "stored_secrets")}),)
        return (self.fieldsets[0], *shown, *self.fieldsets[2:])

    @display(description="State", label={"enabled": "success", "disabled": "warning"}, ordering="enabled")
    def state(self, provider: Provider) -> str:
        return "enabled" if provider.enabled else "disabled"

    @display(description="Configuration")
    def shown_config(self, provider: Provider) -> str:
        shown = {key: _shown(value) for key, value in provider.config.items()}
        return json.dumps(shown, indent=2, ensure_ascii=False)

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
        provider_delete(name=obj.name)


def _secret_names(secrets: Mapping[str, Any]) -> list[str]:
    names = []
    for key, value in sorted(secrets.items()):
        if isinstance(value, Mapping):
            names += [f"{key}.{inner}" for inner in sorted(value)]
        else:
            names.append(f"{key} ({len(value)})" if isinstance(value, list) else key)
    return names


def _shown(value: Any) -> Any:
    """Of an address only whose it is."""
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    found = _ADDRESS.match(value) if isinstance(value, str) else None
    return f"{found[0]}/…" if found else value
