"""Where a rule's form saves to: a draft, or the live set at once; and the page that shows both sides."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from acteon_site.admin.buttons import actor_of, change_url
from acteon_site.admin.read_only import pretty_json
from rules_app.admin.forms import NEW_DRAFT
from rules_app.differences import Spec, difference
from rules_app.drafts import draft_get
from rules_app.merging import RuleConflict
from rules_app.models import Rule, RuleDraft
from rules_app.services.drafts import draft_open, draft_put, draft_put_counter, draft_remove
from rules_app.services.vocabulary import lexicon_now
from rules_app.specs import rule_spec

MAY_PUBLISH = "rules_app.publish_rule"


@transaction.atomic
def save_to_draft(request: HttpRequest, rule: Rule, chosen: str, name: str, seen: str | None) -> RuleDraft:
    """Put the form's rule into the chosen draft, or a new one. A new name is a new rule; the old one goes."""
    actor = actor_of(request)
    draft = _chosen(chosen, name, rule.name, actor)
    put_in_draft(draft, rule_spec(rule), _name_before(rule), seen, actor)
    return draft


@transaction.atomic
def counter_to_draft(spec: Spec, chosen: str, name: str, seen: str | None, actor: str) -> RuleDraft:
    """Declare the form's counter in the chosen draft, or a new one."""
    draft = _chosen(chosen, name, spec["name"], actor)
    return draft_put_counter(number=draft.pk, spec=spec, seen=seen, actor=actor)


def _chosen(chosen: str, name: str, about: str, actor: str) -> RuleDraft:
    title = name.strip() or f"{about}, by {actor}"
    return draft_open(name=title[:200], actor=actor) if chosen == NEW_DRAFT else draft_get(int(chosen))


def to_draft(page: admin.ModelAdmin[Any], request: HttpRequest, saved: Any) -> HttpResponse | None:
    """The draft's page, where it went to one."""
    if not hasattr(saved, "draft"):
        return None
    page.message_user(request, f"Saved to draft {saved.draft.pk}. Nothing is live yet.")
    return HttpResponseRedirect(change_url(RuleDraft, saved.draft.pk))


def _name_before(rule: Rule) -> str:
    row = Rule.objects.filter(pk=rule.pk).first() if rule.pk else None
    return row.name if row else ""


@transaction.atomic
def put_in_draft(draft: RuleDraft, spec: Spec, before: str, seen: str | None, actor: str) -> None:
    """`before` is the name that the form was opened with, "" for a new rule."""
    if not before or before == spec["name"]:
        draft_put(number=draft.pk, spec=spec, seen=seen, actor=actor)
        return
    draft_put(number=draft.pk, spec=spec, seen=None, actor=actor)
    draft_remove(number=draft.pk, name=before, seen=seen, actor=actor)


def conflict_page(page: admin.ModelAdmin[Any], request: HttpRequest, error: RuleConflict) -> HttpResponse:
    """Nothing was saved: what the other one made, what you typed, and what lies between."""
    lexicon = lexicon_now()
    sides = [
        {
            "conflict": found,
            "between": difference(found.name, found.theirs, found.yours, lexicon),
            "yours": pretty_json(found.yours),
        }
        for found in error.conflicts
    ]
    context = {
        **page.admin_site.each_context(request),
        "title": "Somebody was faster",
        "opts": page.opts,
        "message": error.message,
        "sides": sides,
        "again": request.get_full_path(),
    }
    return TemplateResponse(request, "admin/rules_app/conflict.html", context, status=409)
