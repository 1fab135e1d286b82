"""Chains: edited as text, checked as a loaded file is, drawn, and kept version by version."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from acteon_site.admin.buttons import actor_of
from acteon_site.admin.config_pages import ConfigAdmin, origin_of
from chains_app.admin.forms import ChainForm
from chains_app.admin.timeline import picture_html
from chains_app.admin.versions import versions_html
from chains_app.definitions.dag import definition_graph
from chains_app.models import ChainDefinition
from chains_app.selectors import chain_definition, chains_below
from chains_app.services.definitions import chain_delete, chain_enable, chain_save


@admin.register(ChainDefinition)
class ChainDefinitionAdmin(ConfigAdmin):
    form = ChainForm
    list_display = ("name", "state", "steps", "started_by", "version", "description", "origin")
    list_filter = ("enabled",)
    list_select_related = ("current",)
    search_fields = ("name", "description")
    ordering = ("name",)
    readonly_fields = ("picture", "versions", "origin", "edited_by", "edited_at")
    fieldsets = (
        (None, {"fields": ("enabled", "picture", "spec")}),
        ("History", {"fields": ("versions", "origin", "edited_by", "edited_at")}),
    )

    @display(description="State", label={"enabled": "success", "disabled": "warning"}, ordering="enabled")
    def state(self, chain: ChainDefinition) -> str:
        return "enabled" if chain.enabled else "disabled"

    @display(description="Steps")
    def steps(self, chain: ChainDefinition) -> str:
        return " → ".join(step.name for step in chain_definition(chain).steps) if chain.current else "-"

    @display(description="Started by")
    def started_by(self, chain: ChainDefinition) -> str:
        trigger = chain_definition(chain).trigger if chain.current else None
        if trigger is None:
            return "-"
        everyone = trigger.namespace == trigger.tenant == "*"
        scope = "" if everyone else f" of {trigger.namespace} / {trigger.tenant}"
        return f"{trigger.action_type}{scope}"

    @display(description="Version")
    def version(self, chain: ChainDefinition) -> str:
        return str(chain.current.number) if chain.current else "-"

    @display(description="Picture")
    def picture(self, chain: ChainDefinition) -> SafeString | str:
        if not chain.current:
            return "drawn once the chain is saved"
        definition = chain_definition(chain)
        inner = chains_below(definition, may_see=lambda chain: True)
        return picture_html(definition_graph(definition, inner.get))

    @display(description="Versions")
    def versions(self, chain: ChainDefinition) -> SafeString | str:
        return versions_html(chain) if chain.pk else "-"

    @display(description="From", ordering="source")
    def origin(self, chain: ChainDefinition) -> str:
        return origin_of(chain)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        spec, enabled, actor = form.cleaned_data["spec"], form.cleaned_data["enabled"], actor_of(request)
        switched = enabled != (form.initial.get("enabled", True) if change else True)
        # Off before and on after, so that the trigger is checked against the chains that will be on.
        if switched and change and not enabled:
            chain_enable(name=spec["name"], enabled=False, actor=actor)
        obj.pk = chain_save(spec=spec, actor=actor).definition_id
        if switched and (enabled or not change):
            chain_enable(name=spec["name"], enabled=enabled, actor=actor)

    def delete_model(self, request: HttpRequest, obj: ChainDefinition) -> None:
        chain_delete(name=obj.name)
