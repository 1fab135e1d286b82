"""Lifecycles: edited with the checks of the loader, drawn, in force as they are saved."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from unfold.decorators import display

from acteon_site.admin.buttons import actor_of
from acteon_site.admin.config_pages import ConfigAdmin, TellsChanges, origin_of
from orders_app.admin.forms import LifecycleForm
from orders_app.admin.picture import lifecycle_svg
from orders_app.lifecycles.spec import parse_lifecycle
from orders_app.models import Lifecycle
from orders_app.selectors import lifecycle_spec
from orders_app.services.lifecycle_edits import lifecycle_delete, lifecycle_save

PICTURE = '<div class="gw-scroll" tabindex="0" role="region" aria-label="Picture of the states">{}</div>'


@admin.register(Lifecycle)
class LifecycleAdmin(TellsChanges, ConfigAdmin):  # type: ignore[misc]
    form = LifecycleForm
    shows_shared = True
    list_display = ("name", "state", "action_type", "applies_to", "shown_states", "origin")
    list_filter = ("enabled",)
    search_fields = ("name", "action_type")
    ordering = ("name",)
    readonly_fields = ("picture", "origin", "edited_by", "edited_at")
    fieldsets = (
        (None, {"fields": ("name", "enabled", "picture")}),
        ("Which actions", {"fields": ("action_type", "namespace", "tenant")}),
        ("States", {"fields": ("initial", "states", "transitions", "terminal", "timeouts")}),
        ("The order", {"fields": ("fingerprint_field", "fields")}),
        ("Money", {"fields": ("charges", "refunds")}),
        ("History", {"fields": ("origin", "edited_by", "edited_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Lifecycle | None = None) -> tuple[str, ...]:
        return ("name", *self.readonly_fields) if obj else self.readonly_fields

    @display(description="State", label={"enabled": "success", "disabled": "warning"}, ordering="enabled")
    def state(self, lifecycle: Lifecycle) -> str:
        return "enabled" if lifecycle.enabled else "disabled"

    @display(description="For")
    def applies_to(self, lifecycle: Lifecycle) -> str:
        everyone = lifecycle.namespace == lifecycle.tenant == "*"
        return "everyone" if everyone else f"{lifecycle.namespace} / {lifecycle.tenant}"

    @display(description="States")
    def shown_states(self, lifecycle: Lifecycle) -> str:
        return " → ".join(lifecycle.states)

    @display(description="Picture")
    def picture(self, lifecycle: Lifecycle) -> SafeString | str:
        spec, _ = parse_lifecycle(lifecycle_spec(lifecycle)) if lifecycle.pk else (None, [])
        if spec is None:
            return "drawn once the lifecycle is saved"
        drawn = lifecycle_svg(spec)  # escapes every text in it
        return format_html(PICTURE, mark_safe(drawn))  # noqa: S308

    @display(description="From", ordering="source")
    def origin(self, lifecycle: Lifecycle) -> str:
        return origin_of(lifecycle)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        lifecycle_save(lifecycle=obj, actor=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: Lifecycle) -> None:
        lifecycle_delete(lifecycle=obj)
