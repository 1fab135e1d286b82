"""Versions of the rule set: what decided when, what each changed, any two compared, and the way back to one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.decorators import display

from acteon_site.admin.buttons import (
    Button,
    ButtonPagesAdmin,
    ButtonResult,
    actor_of,
    change_url,
    reason_of,
)
from acteon_site.admin.read_only import pretty_json
from acteon_site.base.errors import AppError, bad_query
from acteon_site.base.principals import Role
from rules_app.admin.backtests import backtest_asked, backtests_shown
from rules_app.admin.saving import MAY_PUBLISH
from rules_app.drafts import version_differences, version_get
from rules_app.engine.words import Lexicon
from rules_app.models import Backtest, RuleSetVersion
from rules_app.selectors import previous_version
from rules_app.services.publishing import restore_preview, version_restore
from rules_app.services.vocabulary import lexicon_now

WHY = "Why (it stands with the version)"
MAY_BACKTEST = "rules_app.change_rule"


@admin.register(RuleSetVersion)
class RuleSetVersionAdmin(ButtonPagesAdmin):
    view_codename = "rules_app.view_rulesetversion"
    act_codename = MAY_PUBLISH
    act_role = Role.ADMIN
    in_trail = False
    pk_converter = "int"
    buttons = ("restore",)
    change_form_template = "admin/rules_app/version.html"
    list_before_template = "admin/rules_app/compare_form.html"
    list_display = ("number", "in_force", "cause", "reason", "actor", "created_at", "rule_count")
    search_fields = ("cause", "reason", "actor")

    @display(description="In force", boolean=True)
    def in_force(self, version: Any) -> bool:
        return bool(version.number == version.newest)

    @display(description="Rules")
    def rule_count(self, version: RuleSetVersion) -> int:
        return len(version.content["rules"])

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.compare)
        backtest = self.admin_site.admin_view(self.backtest)
        return [
            path("compare/", view, name="rules_app_rulesetversion_compare"),
            path("<int:pk>/backtest/", backtest, name="rules_app_rulesetversion_backtest"),
            *super().get_urls(),
        ]

    def backtest(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask what the version would have made of the past."""
        if not self._may_backtest(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            asked = backtest_asked(request, version=pk)
        except AppError as error:
            self.message_user(request, f"Not asked for: {error.message}", messages.ERROR)
            return HttpResponseRedirect(self.url_of("change", pk))
        self.message_user(request, "Asked for: it is computed beside the orders.")
        return HttpResponseRedirect(change_url(Backtest, asked.pk))

    def _may_backtest(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_BACKTEST) and self.reaches(request, Role.ADMIN)

    def _backtests(self, request: HttpRequest, *numbers: int) -> dict[str, Any]:
        between = [{"number": number, "url": self.url_of("backtest", number)} for number in numbers]
        return {
            "may_backtest": self._may_backtest(request),
            "backtest_url": between[0]["url"],
            "between": between if len(between) > 1 else [],
            **backtests_shown(Backtest.objects.filter(version__in=numbers)),
        }

    def _rendered_list(self, request: HttpRequest, extra_context: dict[str, Any] | None) -> HttpResponse:
        newest = [*_newest(2), 1, 1]
        context = {**(extra_context or {}), "before": newest[1], "after": newest[0]}
        return super()._rendered_list(request, context)

    def get_queryset(self, request: HttpRequest) -> Any:
        newest = RuleSetVersion.objects.order_by("-number").values("number")[:1]
        return super().get_queryset(request).annotate(newest=Subquery(newest))

    def details(self, request: HttpRequest, obj: RuleSetVersion) -> dict[str, Any]:
        before, lexicon = previous_version(obj), lexicon_now()
        newest = _newest()[0]
        return {
            "version": obj,
            "in_force": obj.number == newest,
            "newest": newest,
            "previous": before,
            "differences": version_differences(before, obj, lexicon),
            "content": pretty_json(obj.content),
            "disabled": pretty_json(obj.disabled),
            **self._way_back(request, obj, lexicon),
            **self._backtests(request, obj.number),
        }

    def _way_back(self, request: HttpRequest, obj: RuleSetVersion, lexicon: Lexicon) -> dict[str, Any]:
        """What rolling back would change, and the button, where it would."""
        preview = restore_preview(obj, lexicon)
        question = (
            f"Go back to version {obj.number}? What is listed here changes, and decides the next order."
        )
        url = self.url_of("restore", obj.pk)
        button = Button("Roll back to this version", url, question, "Yes, roll back", "bad", "", WHY, True)
        return {"preview": preview, "buttons": [button] if preview and self.may_act(request) else []}

    def press(self, request: HttpRequest, obj: RuleSetVersion, name: str) -> ButtonResult:
        draft = version_restore(number=obj.pk, reason=reason_of(request), actor=actor_of(request))
        if draft.is_open:
            text = f"Draft {draft.pk} holds it: a second person has to publish it."
            return ButtonResult(text, messages.WARNING)
        return ButtonResult(f"Version {obj.number} is in force again, as version {draft.version.number}.")

    def compare(self, request: HttpRequest) -> HttpResponse:
        """Two versions by their numbers, the older first whichever was named first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            before, after = (version_get(number) for number in sorted(_asked(request)))
        except AppError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(self.url_of("changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"From version {before.number} to {after.number}",
            "opts": self.opts,
            "before": before.number,
            "after": after.number,
            "differences": version_differences(before, after, lexicon_now()),
            **self._backtests(request, before.number, after.number),
        }
        return TemplateResponse(request, "admin/rules_app/compare.html", context)


def _asked(request: HttpRequest) -> tuple[int, int]:
    texts = [request.GET.get(name, "") for name in ("from", "to")]
    if not all(text.isdecimal() and len(text) < 19 for text in texts):
        raise bad_query("name two versions by their numbers")
    return int(texts[0]), int(texts[1])


def _newest(count: int = 1) -> list[int]:
    """Numbers of the newest versions. They may have gaps."""
    return list(RuleSetVersion.objects.order_by("-number").values_list("number", flat=True)[:count])
