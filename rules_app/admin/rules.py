"""Rules: edited with the checks of the loader, published as they are saved, tried without consequences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from acteon_site.admin.buttons import actor_of
from acteon_site.admin.config_pages import origin_of
from acteon_site.base.errors import AppError
from rules_app.admin.forms import RuleForm, TryForm
from rules_app.engine import ACTIONS, ActionView, parse_rule
from rules_app.engine import Rule as EngineRule
from rules_app.models import Rule
from rules_app.services.currencies import currency_warnings
from rules_app.services.evaluation import rules_evaluate
from rules_app.services.rule_sets import rule_save, rules_delete, rules_enable
from rules_app.specs import rule_spec


class ActionTypeFilter(admin.SimpleListFilter):
    title = "what it does"
    parameter_name = "does"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind.replace("_", " ")) for kind in ACTIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action__type=self.value()) if self.value() else queryset


@admin.register(Rule)
class RuleAdmin(ModelAdmin):
    form = RuleForm
    list_display = ("name", "priority", "state", "when", "then", "applies_to", "origin")
    list_filter = ("enabled", ActionTypeFilter, "namespace", "tenant")
    search_fields = ("name", "description")
    ordering = ("priority", "name")
    list_per_page = 50
    actions = ("enable_rules", "disable_rules")
    actions_list = ("try_rules",)  # type: ignore[assignment]
    list_before_template = "admin/rules_app/currencies.html"  # type: ignore[assignment]
    readonly_fields = ("in_words", "currencies", "origin", "edited_by", "edited_at", "enabled_by")
    fieldsets = (
        (None, {"fields": ("name", "description", "enabled", "priority", "in_words", "currencies")}),
        ("When", {"fields": ("condition", "timezone")}),
        ("Then", {"fields": ("action",)}),
        ("For whom", {"fields": ("namespace", "tenant", "only_unmatched")}),
        ("History", {"fields": ("origin", "edited_by", "edited_at", "enabled_by")}),
    )

    @display(description="State", label={"enabled": "success", "disabled": "warning"}, ordering="enabled")
    def state(self, rule: Rule) -> str:
        return "enabled" if rule.enabled else "disabled"

    @display(description="When")
    def when(self, rule: Rule) -> str:
        parsed = _parsed(rule)
        return parsed.condition.text if parsed else "does not parse: open it to see why"

    @display(description="Then")
    def then(self, rule: Rule) -> str:
        parsed = _parsed(rule)
        return parsed.action_in_words() if parsed else "-"

    @display(description="For")
    def applies_to(self, rule: Rule) -> str:
        everyone = rule.namespace == rule.tenant == "*"
        return "everyone" if everyone else f"{rule.namespace} / {rule.tenant}"

    @display(description="In words")
    def in_words(self, rule: Rule) -> str:
        parsed = _parsed(rule) if rule.pk else None
        return parsed.in_words() if parsed else "shown once the rule is saved"

    @display(description="Currencies")
    def currencies(self, rule: Rule) -> str:
        told = currency_warnings([rule]).get(rule.name) if rule.pk else None
        return f"This rule {told}" if told else "nothing to mind"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        warnings = currency_warnings(Rule.objects.filter(enabled=True).order_by("priority", "name"))
        context: dict[str, Any] = {**(extra_context or {}), "currency_warnings": warnings}
        return super().changelist_view(request, context)

    @display(description="From", ordering="source")
    def origin(self, rule: Rule) -> str:
        return origin_of(rule)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        rule_save(rule=obj, actor=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        rules_delete(names=[obj.name], actor=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        rules_delete(names=list(queryset.values_list("name", flat=True)), actor=actor_of(request))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """What only the whole set shows, such as another rule that no longer loads, is told, not a crash."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except AppError as error:
            self.message_user(request, f"Not saved: {error.message}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    @admin.action(description="Enable the selected rules", permissions=["change"])
    def enable_rules(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._switch(request, queryset, enabled=True)

    @admin.action(description="Disable the selected rules", permissions=["change"])
    def disable_rules(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Rule], *, enabled: bool) -> None:
        names = list(queryset.values_list("name", flat=True))
        try:
            changed = rules_enable(names=names, enabled=enabled, actor=actor_of(request))
        except AppError as error:
            self.message_user(request, f"Nothing was changed: {error.message}", messages.ERROR)
            return
        verb = "enabled" if enabled else "disabled"
        self.message_user(request, f"{verb}: {', '.join(changed) or 'nothing, they were so already'}")

    @action(description="Try the rules", url_path="try", permissions=["view"])  # type: ignore[operator]
    def try_rules(self, request: HttpRequest) -> HttpResponse:
        """Ask the rules in force about an action that is typed in."""
        form = TryForm(request.POST or None)
        context = {
            **self.admin_site.each_context(request),
            "title": "Try the rules",
            "opts": self.model._meta,
            "form": form,
            "found": _tried(form) if form.is_bound and form.is_valid() else None,
        }
        return TemplateResponse(request, "admin/rules_app/try_rules.html", context)


def _parsed(rule: Rule) -> EngineRule | None:
    return parse_rule(rule_spec(rule))[0]


def _tried(form: TryForm) -> dict[str, Any] | None:
    facts = form.cleaned_data
    names = ("namespace", "tenant", "provider", "action_type", "payload")
    try:
        found = rules_evaluate(
            action=ActionView(**{name: facts[name] for name in names}),
            now=facts["evaluate_at"] or timezone.now(),
            include_disabled=facts["include_disabled"],
        )
    except AppError as error:
        form.add_error(None, error.message)
        return None
    return {
        "plan": found.plan,
        "refusal": found.refusal,
        "version": found.rule_set.version,
        "rows": list(_rows(found.plan.traces)),
    }


def _rows(traces: Iterable[Any]) -> Iterable[dict[str, Any]]:
    for seen in traces:
        why = (seen.skip_reason, seen.error, *seen.notes)
        yield {
            "name": seen.rule.name,
            "priority": seen.rule.priority,
            "result": seen.result.replace("_", " "),
            "then": seen.rule.action_in_words(),
            "why": "; ".join(part for part in why if part),
        }
