"""A rule's report: what it would have stopped, or has, and the buttons that take it live, further, or back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from acteon_site.admin.buttons import Button, actor_of, reason_of
from acteon_site.admin.scoped import ScopedAdmin, reader_of
from acteon_site.base.errors import AppError
from rules_app.admin.saving import MAY_PUBLISH
from rules_app.engine import Rule as EngineRule
from rules_app.engine import parse_rule
from rules_app.engine.words import rule_in_words, stage_in_words
from rules_app.models import Rule, RuleSetVersion
from rules_app.services.rule_history import rule_since
from rules_app.services.stages import ALL, LIVE, SHADOW, rule_stage
from rules_app.services.trial_reports import Newest, newest_trials, trial_report
from rules_app.services.vocabulary import lexicon_now
from rules_app.specs import rule_spec
from rules_app.trial_report import Report, Side, Sum
from rules_app.trial_words import SIDE_LABELS, effect, plain, sample_in_words, worth

DAYS = (1, 7, 30, 90)
USUAL_DAYS = 30
STEPS = (5, 10, 25, 50)
MOST_ROWS = 40
WHY = "Why (it stands with the version)"
MAY_SEE_ORDERS = "orders_app.view_order"


def report_url(rule: Rule) -> str:
    return reverse("admin:rules_app_rule_report", args=[rule.pk])


def report_view(page: ScopedAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """GET alone. `days` back from now."""
    rule = get_object_or_404(page.get_queryset(request), pk=pk)
    if not page.has_view_permission(request, rule):
        raise PermissionDenied
    days = _days(request)
    # A rule for everyone has trials of all shops.
    now, seen = timezone.now(), reader_of(request).lookups()
    report = trial_report(rule.name, now - timedelta(days=days), now, **seen)
    newest = newest_trials(rule.name, **seen)
    parsed, version = parse_rule(rule_spec(rule))[0], _newest_version()
    context = {
        **page.admin_site.each_context(request),
        "title": f"Report of {rule.name}",
        "opts": page.opts,
        "rule": rule,
        "stage": stage_in_words(parsed) if parsed and rule.enabled else "switched off",
        "words": rule_in_words(parsed, lexicon_now()) if parsed else "",
        "since": rule_since(rule.name, version) if version else None,
        "days": days,
        "choices": DAYS,
        "report": report,
        "sides": [_side(side, report, newest) for side in report.sides.values()],
        "may_see_orders": request.user.has_perm(MAY_SEE_ORDERS),
        "buttons": _buttons(rule, parsed) if _may_stage(page, request, rule) else [],
    }
    return TemplateResponse(request, "admin/rules_app/rule_report.html", context)


def stage_view(page: ScopedAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """POST alone: `to` is a stage, or a percentage of orders to be live for."""
    rule = get_object_or_404(page.get_queryset(request), pk=pk)
    if not _may_stage(page, request, rule):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    to = request.POST.get("to", "")
    stage, percent = (LIVE, int(to)) if to in map(str, STEPS) else (to, None)
    try:
        draft = rule_stage(
            name=rule.name, stage=stage, percent=percent, reason=reason_of(request), actor=actor_of(request)
        )
    except AppError as error:
        page.message_user(request, f"Nothing was changed: {error.message}.", messages.WARNING)
    else:
        page.note(request, rule, "took a rule further", f"{rule.name}: {to}")
        if draft.is_open:
            text = f"Draft {draft.pk} holds it: a second person has to publish it."
            page.message_user(request, text, messages.WARNING)
        else:
            page.message_user(request, f"Version {draft.version.number} is in force: {draft.name}.")
    return HttpResponseRedirect(report_url(rule))


def _may_stage(page: ScopedAdmin, request: HttpRequest, rule: Rule) -> bool:
    return request.user.has_perm(MAY_PUBLISH) and page.reaches(request, page.act_role, rule)


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked in map(str, DAYS) else USUAL_DAYS


def _newest_version() -> int | None:
    return RuleSetVersion.objects.order_by("-number").values_list("number", flat=True).first()


def _buttons(rule: Rule, parsed: EngineRule | None) -> list[Button]:
    if parsed is None or not rule.enabled:
        return []
    return list(_offered(parsed, reverse("admin:rules_app_rule_stage", args=[rule.pk])))


def _offered(rule: EngineRule, url: str) -> Iterator[Button]:
    share = rule.rollout.in_words() if rule.rollout else "all orders"
    if rule.shadow:
        question = f"Go live for {share}? The rule decides from the next order on."
        yield Button("Go live", url, question, "Yes, go live", "good", LIVE, WHY, True)
    if rule.rollout and not rule.shadow:
        larger = (step for step in STEPS if step > rule.rollout.percent)
        for step in list(larger)[:1]:
            question = f"From {share} to {step} %? Those within stay within."
            yield Button(f"To {step} %", url, question, f"Yes, {step} %", "good", str(step), WHY, True)
    if rule.rollout:
        question = "To all orders? The rule decides for everybody from the next order on."
        yield Button("To 100 %", url, question, "Yes, to all", "plain", ALL, WHY, True)
    if not rule.shadow:
        question = "Back to shadow? The rule goes on noting what it would do, and does nothing any more."
        yield Button("Back to shadow", url, question, "Yes, back to shadow", "bad", SHADOW, WHY, True)


def _side(side: Side, report: Report, newest: Newest) -> dict[str, Any]:
    return {
        "name": side.name,
        "label": SIDE_LABELS[side.name],
        "in_shadow": side is report.shadow,
        "effect": effect(side.main),
        "sum": side.all,
        "worth": worth(side.all),
        "share": round(report.share(side), 1),
        "failing": side.would.get("failed", 0),
        "outcomes": [
            (plain(name), count, 100 * count / side.all.trials) for name, count in side.outcomes.items()
        ],
        "days": [_row(f"{day:%b %-d}", found, side) for day, found in list(side.days.items())[-MOST_ROWS:]],
        "shops": [_row(" / ".join(shop), found, side) for shop, found in _first(side.shops)],
        "fates": [
            {**_row(plain(fate.happened), found, side), "rule": fate.rule}
            for fate, found in _first(side.fates)
        ],
        "standing": [(plain(name), count) for name, count in newest.standing.get(side.name, {}).items()],
        "samples": [
            (trial, order, sample_in_words(trial.would, trial.happened))
            for trial, order in newest.samples.get(side.name, [])
        ],
    }


def _first(found: Mapping[Any, Sum]) -> list[tuple[Any, Sum]]:
    return list(found.items())[:MOST_ROWS]


def _row(label: str, found: Sum, side: Side) -> dict[str, Any]:
    most = max(day.trials for day in side.days.values())
    return {"label": label, "sum": found, "worth": worth(found), "width": min(100, 100 * found.trials / most)}
