"""Drafts: what each would change, in words and line by line; its rules edited, published, discarded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.forms import modelform_factory
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.decorators import display

from acteon_site.admin.buttons import Button, ButtonPagesAdmin, ButtonResult, actor_of, reason_of
from acteon_site.base.errors import AppError
from acteon_site.base.principals import Role
from rules_app.admin.backtests import backtest_asked, backtests_shown
from rules_app.admin.checks import draft_findings
from rules_app.admin.draft_counters import counter_page, counters_in
from rules_app.admin.forms import RuleForm
from rules_app.admin.saving import MAY_PUBLISH, conflict_page, put_in_draft
from rules_app.differences import is_rule, label_of, revision_of
from rules_app.drafts import DraftView, draft_spec, draft_view, draft_world
from rules_app.merging import RuleConflict
from rules_app.models import Rule, RuleDraft, RuleSetVersion
from rules_app.services.drafts import draft_discard, draft_open, draft_remove, draft_settle
from rules_app.services.publishing import draft_publish
from rules_app.services.vocabulary import lexicon_now
from rules_app.specs import DEFAULTS, rule_spec

WHY = "Why (it stands with the version)"
EDITS = ("settle", "remove")


@admin.register(RuleDraft)
class RuleDraftAdmin(ButtonPagesAdmin):
    view_codename = "rules_app.view_rule"
    act_codename = "rules_app.change_rule"
    act_role = Role.ADMIN
    in_trail = False
    pk_converter = "int"
    buttons = ("publish", "discard", "backtest", *EDITS)
    change_form_template = "admin/rules_app/draft.html"
    list_before_template = "admin/rules_app/begin_draft.html"
    list_display = ("title", "state", "size", "created_by", "created_at", "closed_by", "reason")
    list_filter = ("status",)
    search_fields = ("name", "created_by", "reason")
    empty_title = "No drafts"
    empty_text = "Save a rule to a draft, or begin one here. It decides nothing until it is published."

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(changed=Count("changes"))

    @display(description="Draft", ordering="number")
    def title(self, draft: RuleDraft) -> str:
        return f"{draft.number}: {draft.name}"

    @display(description="State", label={"open": "info", "published": "success", "discarded": "warning"})
    def state(self, draft: RuleDraft) -> str:
        return draft.status

    @display(description="Rules")
    def size(self, draft: Any) -> int:
        return int(draft.changed)

    def get_urls(self) -> list[URLPattern]:
        shown = self.admin_site.admin_view
        own = [
            path("begin/", shown(self.begin), name="rules_app_ruledraft_begin"),
            path("<int:pk>/rule/", shown(self.rule), name="rules_app_ruledraft_rule"),
            path("<int:pk>/counter/", shown(self.counter), name="rules_app_ruledraft_counter"),
        ]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {**(extra_context or {}), "may_edit": self.may_act(request)}
        return super().changelist_view(request, context)

    def details(self, request: HttpRequest, obj: RuleDraft) -> dict[str, Any]:
        view, may_edit = draft_view(obj, lexicon_now()), obj.is_open and self.may_act(request)
        newest = RuleSetVersion.objects.order_by("-number").values_list("number", flat=True).first()
        return {
            "draft": obj,
            "view": view,
            "findings": draft_findings(obj) if obj.is_open else [],
            "newest": newest,
            "version": getattr(obj, "version", None),
            "may_edit": may_edit,
            "names": sorted(filter(is_rule, draft_world(obj))) if may_edit else [],
            "buttons": self._buttons(request, view) if may_edit else [],
            "counters": counters_in(obj) if may_edit else [],
            "backtest_url": self.url_of("backtest", obj.pk),
            **backtests_shown(obj.backtests.all()),
        }

    def _buttons(self, request: HttpRequest, view: DraftView) -> list[Button]:
        number, found = view.draft.pk, []
        if request.user.has_perm(MAY_PUBLISH) and view.due and not view.conflicts:
            size = f"{len(view.due)} changed rule{'' if len(view.due) == 1 else 's'}"
            question = f"Publish {size}, as listed below? It decides the next order."
            url = self.url_of("publish", number)
            found.append(Button("Publish", url, question, "Yes, publish", "good", view.revision, WHY, True))
        question = "Discard this draft? It can still be read, and no longer be changed."
        discard = Button("Discard", self.url_of("discard", number), question, "Yes, discard it", "bad")
        return [*found, discard]

    def press(self, request: HttpRequest, obj: RuleDraft, name: str) -> ButtonResult:
        number, actor, post = obj.pk, actor_of(request), request.POST
        if name == "publish":
            return self._published(request, obj)
        if name == "backtest":
            backtest_asked(request, draft=number)
            return ButtonResult("Asked for: it is computed beside the orders, and stands below.")
        if name == "discard":
            draft_discard(number=number, actor=actor)
            return ButtonResult(f"Draft {number} is discarded.")
        rule, seen = post.get("rule", ""), post.get("seen") or None
        if name == "settle":
            draft_settle(number=number, name=rule, take=post.get("take", ""), seen=seen, actor=actor)
            return ButtonResult(f"Settled: {label_of(rule)}.")
        draft_remove(number=number, name=rule, seen=seen, actor=actor)
        return ButtonResult(f"{label_of(rule)} goes with this draft.")

    def _published(self, request: HttpRequest, obj: RuleDraft) -> ButtonResult:
        if not request.user.has_perm(MAY_PUBLISH):
            raise PermissionDenied
        seen = request.POST.get("to", "")
        version = draft_publish(number=obj.pk, reason=reason_of(request), actor=actor_of(request), seen=seen)
        return ButtonResult(f"Published as version {version.number}: it decides from now on.")

    def begin(self, request: HttpRequest) -> HttpResponse:
        """An empty draft, by the form above the list."""
        self._require_edit(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            draft = draft_open(name=request.POST.get("name", "").strip(), actor=actor_of(request))
        except AppError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(self.url_of("changelist"))
        return HttpResponseRedirect(self.url_of("change", draft.pk))

    def rule(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A rule as the draft has it (`?name=`), or a new one."""
        return self._edited(request, pk, self._rule_page)

    def counter(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A counter as the draft has it (`?name=`), or a new one."""
        return self._edited(request, pk, partial(counter_page, self))

    def _edited(
        self, request: HttpRequest, pk: int, page: Callable[[HttpRequest, RuleDraft, str], HttpResponse]
    ) -> HttpResponse:
        self._require_edit(request)
        draft = self.get_queryset(request).filter(pk=pk, status=RuleDraft.Status.OPEN).first()
        if draft is None:
            self.message_user(request, self.gone_text, messages.WARNING)
            return HttpResponseRedirect(self.url_of("changelist"))
        try:
            return page(request, draft, request.GET.get("name", ""))
        except RuleConflict as error:
            return conflict_page(self, request, error)
        except AppError as error:
            self.message_user(request, f"Not saved: {error.message}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def _rule_page(self, request: HttpRequest, draft: RuleDraft, name: str) -> HttpResponse:
        spec = draft_spec(draft, name) if is_rule(name) else None
        form = self._rule_form(request)(request.POST or None, instance=_instance(spec))
        if form.is_bound and form.is_valid():
            seen = request.POST.get("seen") or None
            before = name if spec else ""
            put_in_draft(draft, rule_spec(form.save(commit=False)), before, seen, actor_of(request))
            self.message_user(request, f"Saved to draft {draft.pk}. Nothing is live yet.")
            return HttpResponseRedirect(self.url_of("change", draft.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": f"{name or 'A new rule'} in draft {draft.pk}",
            "opts": self.opts,
            "draft": draft,
            "thing": "rule",
            "name": name if spec else "",
            "key": name,
            "form": form,
            "seen": request.POST.get("seen") or revision_of(spec) or "",
            "back": self.url_of("change", draft.pk),
            "remove_url": self.url_of("remove", draft.pk),
        }
        return TemplateResponse(request, "admin/rules_app/draft_rule.html", context)

    def _rule_form(self, request: HttpRequest) -> Any:
        """With the fields drawn as on the admin's own forms."""
        drawn: Any = partial(self.formfield_for_dbfield, request=request)
        return modelform_factory(Rule, form=RuleForm, fields=RuleForm.Meta.fields, formfield_callback=drawn)

    def _require_edit(self, request: HttpRequest) -> None:
        if not self.may_act(request):
            raise PermissionDenied


def _instance(spec: dict[str, Any] | None) -> Rule:
    """The rule to fill the form with. The live row's key keeps its own name from counting as taken."""
    row = Rule.objects.filter(name=spec["name"]).first() if spec else None
    rule = row or Rule()
    for field, value in {**DEFAULTS, **(spec or {})}.items():
        setattr(rule, field, value)
    return rule
