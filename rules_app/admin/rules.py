"""Rules: edited with the checks of the loader, published as they are saved, tried without consequences."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from acteon_site.admin.buttons import actor_of, change_url
from acteon_site.admin.config_pages import origin_of
from acteon_site.admin.scoped import ScopedAdmin, reader_of, sees_everything, visible
from acteon_site.base.errors import AppError
from rules_app.admin.builder import builder_view
from rules_app.admin.checks import findings_in_words, tell_findings, with_findings
from rules_app.admin.forms import PUBLISH, LiveRuleForm
from rules_app.admin.reports import report_url, report_view, stage_view
from rules_app.admin.saving import MAY_PUBLISH, conflict_page, save_to_draft, to_draft
from rules_app.admin.try_form import TryForm
from rules_app.admin.trying import initial_of, start_for, tried
from rules_app.drafts import drafts_by_rule, open_drafts
from rules_app.engine import ACTIONS, parse_rule
from rules_app.engine import Rule as EngineRule
from rules_app.engine.muting_terms import NAMING
from rules_app.engine.words import Lexicon, condition_in_words, rule_in_words, stage_in_words
from rules_app.merging import RuleConflict
from rules_app.models import Rule, RuleDraft
from rules_app.services.currencies import currency_warnings
from rules_app.services.rule_sets import rule_save, rules_delete, rules_enable
from rules_app.services.vocabulary import lexicon_now
from rules_app.specs import rule_spec

SAVING = (
    "Save",
    {"fields": ("save_to", "draft_name", "reason", "seen"), "classes": ("gw-saving",)},
)

HOW_FAR = ("How far", {"fields": ("shadow", "percent", "by", "report")})
HOW_FAR_SHOWN = ("How far", {"fields": ("stage", "report")})


class ActionTypeFilter(admin.SimpleListFilter):
    title = "what it does"
    parameter_name = "does"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind.replace("_", " ")) for kind in ACTIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action__type=self.value()) if self.value() else queryset


@admin.register(Rule)
class RuleAdmin(ScopedAdmin):
    form = LiveRuleForm
    shows_shared = True
    list_display = ("name", "priority", "state", "when", "then", "applies_to", "files", "drafted")
    list_filter = ("enabled", "shadow", ActionTypeFilter, "namespace", "tenant")
    search_fields = ("name", "description")
    ordering = ("priority", "name")
    sortable_by = ()  # the order in which they are asked says most
    list_per_page = 50
    actions = ("enable_rules", "disable_rules")
    actions_list = ("try_rules",)  # type: ignore[assignment]
    list_before_template = "admin/rules_app/before_rules.html"  # type: ignore[assignment]
    change_form_before_template = "admin/rules_app/live_rule.html"  # type: ignore[assignment]
    readonly_fields = (
        "in_words",
        "stage",
        "report",
        "findings",
        "currencies",
        "origin",
        "edited_by",
        "edited_at",
        "enabled_by",
    )
    fieldsets = (
        (
            None,
            {"fields": ("name", "description", "enabled", "priority", "in_words", "findings", "currencies")},
        ),
        ("When", {"fields": ("condition", "timezone", "effective_from", "effective_until", *NAMING)}),
        ("Then", {"fields": ("action",)}),
        ("For whom", {"fields": ("namespace", "tenant", "only_unmatched")}),
        ("History", {"fields": ("origin", "edited_by", "edited_at", "enabled_by")}),
    )

    @display(
        description="State",
        label={"enabled": "success", "disabled": "warning", "in shadow": "info"},
        ordering="enabled",
    )
    def state(self, rule: Rule) -> str:
        if rule.enabled and rule.shadow:
            return "in shadow"
        if rule.enabled and rule.rollout:
            return f"for {rule.rollout['percent']:g} %"
        return "enabled" if rule.enabled else "disabled"

    @display(description="When")
    def when(self, rule: Rule) -> str:
        parsed = _parsed(rule)
        return condition_in_words(parsed, _lexicon(rule)) if parsed else "does not parse: open it to see why"

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
        return rule_in_words(parsed, _lexicon(rule)) if parsed else "shown once the rule is saved"

    @display(description="Check")
    def findings(self, rule: Any) -> str:
        return findings_in_words(rule) if getattr(rule, "with_others", True) else "told to who sees all rules"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        rule: Any = super().get_object(request, object_id, from_field)
        if rule is not None:
            rule.with_others = sees_everything(request)
        return rule

    @display(description="Currencies")
    def currencies(self, rule: Rule) -> str:
        told = currency_warnings([rule]).get(rule.name) if rule.pk else None
        return f"This rule {told}" if told else "nothing to mind"

    @display(description="Stage")
    def stage(self, rule: Rule) -> str:
        parsed = _parsed(rule) if rule.pk else None
        return stage_in_words(parsed) if parsed else "-"

    @display(description="Report")
    def report(self, rule: Rule) -> SafeString | str:
        if not rule.pk:
            return "shown once the rule is saved"
        return format_html(
            '<a class="gw-link" href="{}">What it would have done, and has</a>', report_url(rule)
        )

    @display(description="Drafts")
    def drafted(self, rule: Any) -> SafeString | str:
        return drafts_links(rule.drafts) if getattr(rule, "drafts", None) else "-"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        may_save = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        first, *others = self.fieldsets
        return (first, HOW_FAR if may_save else HOW_FAR_SHOWN, *others, *((SAVING,) if may_save else ()))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **options)
        form.may_publish = request.user.has_perm(MAY_PUBLISH)
        form.may_draft = sees_everything(request, self.act_role)
        return form

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self._may_save(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_save(request)

    def _may_save(self, request: HttpRequest) -> bool:
        """A draft holds the rules of all tenants: who does not reach them all saves to the live set, or nowhere."""
        return sees_everything(request, self.act_role) or request.user.has_perm(MAY_PUBLISH)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What is deleted here is so at once; a draft removes a rule, too."""
        return request.user.has_perm(MAY_PUBLISH) and super().has_delete_permission(request, obj)

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_PUBLISH) and self.reaches(request, self.act_role)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if not sees_everything(request):  # what stands above the list tells of all rules
            return super().changelist_view(request, extra_context)
        warnings = currency_warnings(Rule.objects.filter(enabled=True).order_by("priority", "name"))
        context: dict[str, Any] = {
            **(extra_context or {}),
            "currency_warnings": warnings,
            "drafts": open_drafts().annotate(changed=Count("changes")),
        }
        return super().changelist_view(request, with_findings(context))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(partial(builder_view, self))
        urls: list[URLPattern] = super().get_urls()
        shown = self.admin_site.admin_view
        return [
            path("builder/", view, name="rules_app_rule_builder"),
            path("<int:pk>/report/", shown(partial(report_view, self)), name="rules_app_rule_report"),
            path("<int:pk>/stage/", shown(partial(stage_view, self)), name="rules_app_rule_stage"),
            *urls,
        ]

    @display(description="From", ordering="source")
    def files(self, rule: Rule) -> str:
        """In short; what it means for the next load stands on the rule's page."""
        return f"{rule.source}, edited" if rule.source and rule.edited_by else rule.source or "made by hand"

    @display(description="From", ordering="source")
    def origin(self, rule: Rule) -> str:
        return origin_of(rule)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Each row with the open drafts that change it, by one query, and told with the words of one look."""
        shown, drafts, lexicon = super().get_changelist_instance(request), drafts_by_rule(), lexicon_now()
        everything = sees_everything(request)
        for rule in shown.result_list:
            rule.drafts, rule.lexicon = drafts.get(rule.name) if everything else None, lexicon
        return shown

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        facts = form.cleaned_data
        seen = facts["seen"] or None
        if facts["save_to"] == PUBLISH:
            rule_save(rule=obj, actor=actor_of(request), reason=facts["reason"].strip(), seen=seen)
            if sees_everything(request):
                tell_findings(request, obj)
        else:
            obj.draft = save_to_draft(request, obj, facts["save_to"], facts["draft_name"], seen)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if hasattr(obj, "draft") else super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """What went to a draft has changed nothing here; the draft says who edited it."""
        return None if hasattr(obj, "draft") else super().log_change(request, obj, message)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> Any:
        return to_draft(self, request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> Any:
        return to_draft(self, request, obj) or super().response_change(request, obj)

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        rules_delete(names=[obj.name], actor=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        own = visible(request, queryset, self.act_role)
        rules_delete(names=list(own.values_list("name", flat=True)), actor=actor_of(request))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """What only the whole set shows, such as another rule that no longer loads, is told, not a crash."""
        drafts = _drafts_of(object_id) if sees_everything(request) else []
        try:
            context = {**(extra_context or {}), "rule_drafts": drafts}
            return super().changeform_view(request, object_id, form_url, context)
        except RuleConflict as error:
            return conflict_page(self, request, error)
        except AppError as error:
            self.message_user(request, f"Not saved: {error.message}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    @admin.action(description="Enable the selected rules", permissions=["publish"])
    def enable_rules(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._switch(request, queryset, enabled=True)

    @admin.action(description="Disable the selected rules", permissions=["publish"])
    def disable_rules(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Rule], *, enabled: bool) -> None:
        own = visible(request, queryset, self.act_role)
        names = list(own.values_list("name", flat=True))
        try:
            changed = rules_enable(names=names, enabled=enabled, actor=actor_of(request))
        except AppError as error:
            self.message_user(request, f"Nothing was changed: {error.message}", messages.ERROR)
            return
        verb = "enabled" if enabled else "disabled"
        for rule in own:
            self.note(request, rule, f"{verb} a rule")
        self.message_user(request, f"{verb}: {', '.join(changed) or 'nothing, they were so already'}")

    @action(description="Try the rules", url_path="try", permissions=["view"])  # type: ignore[operator]
    def try_rules(self, request: HttpRequest) -> HttpResponse:
        """Ask the rules in force about an action that is typed in."""
        start = start_for(request)
        form = TryForm(request.POST or None, initial=initial_of(request, start), reader=reader_of(request))
        context = {
            **self.admin_site.each_context(request),
            "title": "Try the rules",
            "opts": self.model._meta,
            "form": form,
            "start": start,
            "found": tried(form, start) if form.is_bound and form.is_valid() else None,
        }
        return TemplateResponse(request, "admin/rules_app/try_rules.html", context)


def _drafts_of(object_id: str | None) -> list[RuleDraft]:
    name = Rule.objects.filter(pk=object_id).values_list("name", flat=True).first() if object_id else None
    return drafts_by_rule().get(name, []) if name else []


def drafts_links(drafts: Iterable[RuleDraft]) -> SafeString:
    links = ((change_url(RuleDraft, draft.pk), draft.pk) for draft in drafts)
    return format_html_join(", ", '<a class="gw-link" href="{}">draft {}</a>', links)


def _lexicon(rule: Rule) -> Lexicon:
    return getattr(rule, "lexicon", None) or lexicon_now()


def _parsed(rule: Rule) -> EngineRule | None:
    return parse_rule(rule_spec(rule))[0]
