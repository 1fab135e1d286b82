"""Counters over past orders: how each is declared, since when it counts, and which rules ask it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display

from acteon_site.admin.buttons import actor_of
from acteon_site.admin.config_pages import ConfigAdmin, origin_of
from acteon_site.base.clock_text import moment, parse_time
from acteon_site.base.errors import AppError
from rules_app.admin.forms import PUBLISH, LiveCounterForm
from rules_app.admin.saving import MAY_PUBLISH, conflict_page, counter_to_draft, to_draft
from rules_app.counting_since import SINCE
from rules_app.engine import parse_rule
from rules_app.engine.counting import parse_counter
from rules_app.merging import RuleConflict
from rules_app.models import Rule, RuleCounter
from rules_app.selectors import newest_content
from rules_app.services.counters import counter_delete, counter_save
from rules_app.specs import counter_spec, rule_spec


@admin.register(RuleCounter)
class RuleCounterAdmin(ConfigAdmin):
    form = LiveCounterForm
    list_display = ("name", "in_words", "counts", "asked_by", "origin")
    search_fields = ("name", "description")
    readonly_fields = ("in_words", "counts", "asked_by", "origin", "edited_by", "edited_at")
    fieldsets = (
        (None, {"fields": ("name", "description", "in_words", "counts", "asked_by")}),
        ("What it counts", {"fields": ("declaration",)}),
        ("History", {"fields": ("origin", "edited_by", "edited_at")}),
        ("Save", {"fields": ("save_to", "draft_name", "reason", "seen"), "classes": ("gw-saving",)}),
    )

    @display(description="Counts")
    def in_words(self, row: RuleCounter) -> str:
        counter = parse_counter(counter_spec(row))[0] if row.pk else None
        return counter.in_words() if counter else "shown once it is saved"

    @display(description="Since")
    def counts(self, row: Any) -> str:
        since = getattr(row, "since", None) or since_by_name().get(row.name, "")
        return moment(parse_time(since)) if since else "nothing yet: no rule asks it"

    @display(description="Asked by")
    def asked_by(self, row: Any) -> str:
        rules = row.asking if hasattr(row, "asking") else asking_rules().get(row.name, ())
        return ", ".join(rules) or "-"

    @display(description="From", ordering="source")
    def origin(self, row: RuleCounter) -> str:
        return origin_of(row)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Each row with what is known of all counters by one look."""
        shown, since, asking = super().get_changelist_instance(request), since_by_name(), asking_rules()
        for row in shown.result_list:
            row.since, row.asking = since.get(row.name, ""), asking.get(row.name, ())
        return shown

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Under another name it would be another counter."""
        return (*self.readonly_fields, "name") if obj else self.readonly_fields

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        may_save = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return self.fieldsets if may_save else self.fieldsets[:-1]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("rules_app.change_rule") and self.reaches(request, self.act_role)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("rules_app.change_rule") and self.reaches(request, self.act_role, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What is deleted here is so at once; a draft takes a counter out, too."""
        allowed = request.user.has_perms((MAY_PUBLISH, "rules_app.change_rule"))
        return allowed and self.reaches(request, self.act_role)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **options)
        form.may_publish = request.user.has_perm(MAY_PUBLISH)
        return form

    def not_saved(self, request: HttpRequest, error: AppError) -> HttpResponse:
        if isinstance(error, RuleConflict):
            return conflict_page(self, request, error)
        return super().not_saved(request, error)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        facts, spec, actor = form.cleaned_data, counter_spec(obj), actor_of(request)
        seen = facts["seen"] or None
        if facts["save_to"] == PUBLISH:
            obj.pk = counter_save(spec=spec, actor=actor, reason=facts["reason"].strip(), seen=seen).pk
        else:
            obj.draft = counter_to_draft(spec, facts["save_to"], facts["draft_name"], seen, actor)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if hasattr(obj, "draft") else super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """What went to a draft has changed nothing here; the draft says who edited it."""
        return None if hasattr(obj, "draft") else super().log_change(request, obj, message)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> Any:
        return to_draft(self, request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> Any:
        return to_draft(self, request, obj) or super().response_change(request, obj)

    def delete_model(self, request: HttpRequest, obj: RuleCounter) -> None:
        counter_delete(name=obj.name, actor=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RuleCounter]) -> None:
        for row in queryset:
            self.delete_model(request, row)


def since_by_name() -> Mapping[str, str]:
    """Since when each counter counts; nothing of those that no rule asks."""
    return {spec["name"]: spec.get(SINCE, "") for spec in newest_content().get("counters", ())}


def asking_rules() -> Mapping[str, Iterable[str]]:
    """The names of the rules that ask each counter, also of those that are switched off."""
    found: dict[str, list[str]] = {}
    for row in Rule.objects.order_by("priority", "name"):
        rule, _ = parse_rule(rule_spec(row))
        for name in rule.counters if rule else ():
            found.setdefault(name, []).append(row.name)
    return found
