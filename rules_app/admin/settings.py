"""The one row of settings: opening the list opens the row."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import display

from acteon_site.admin.buttons import actor_of
from acteon_site.admin.config_pages import ConfigAdmin
from rules_app.admin.settings_form import RuleSettingsForm
from rules_app.models import RuleSettings
from rules_app.services.drafts import draft_put_timezone
from rules_app.services.rule_sets import rule_settings_save

MAY_ASK = "rules_app.require_second_person"


@admin.register(RuleSettings)
class RuleSettingsAdmin(ConfigAdmin):
    form = RuleSettingsForm
    readonly_fields = ("source", "edited_by", "edited_at", "asked_of")
    shared_fields = ("source", "edited_by", "edited_at")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        row, _ = RuleSettings.objects.get_or_create(pk=1)
        return HttpResponseRedirect(reverse("admin:rules_app_rulesettings_change", args=[row.pk]))

    @display(description="Second person for")
    def asked_of(self, settings: RuleSettings) -> str:
        return ", ".join(settings.second_person) or "nobody"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        asks = request.user.has_perm(MAY_ASK)
        asking = "second_person" if asks else "asked_of"
        return ("default_timezone", "save_to", "mutables", asking, *self.shared_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may publish alone must not be the one who decides that."""
        asks = request.user.has_perm(MAY_ASK)
        return self.readonly_fields if asks else (*self.readonly_fields, "second_person")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor, second_person = actor_of(request), form.cleaned_data.get("second_person")
        number = form.cleaned_data.get("save_to")
        if not number:
            zone = obj.default_timezone
            rule_settings_save(
                default_timezone=zone,
                second_person=second_person,
                muting=form.cleaned_data.get("mutables"),
                actor=actor,
            )
            return
        draft_put_timezone(number=int(number), default_timezone=obj.default_timezone, actor=actor)
        self.message_user(request, f"The zone is saved to draft {number}. It is not live yet.")
        live, muting = RuleSettings.objects.get(pk=obj.pk), form.cleaned_data.get("mutables")
        if (second_person is not None and second_person != live.second_person) or muting != live.muting:
            zone = live.default_timezone
            rule_settings_save(default_timezone=zone, second_person=second_person, muting=muting, actor=actor)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
