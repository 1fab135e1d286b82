"""A counter as a draft has it, edited as its rules are."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.options import ModelAdmin
from django.forms import modelform_factory
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from acteon_site.admin.buttons import actor_of, change_url
from rules_app.admin.forms import RuleCounterForm
from rules_app.differences import COUNTER, Spec, counter_key, revision_of
from rules_app.drafts import draft_spec, draft_world
from rules_app.models import RuleCounter, RuleDraft
from rules_app.services.drafts import draft_put_counter
from rules_app.specs import counter_columns, counter_spec


def counters_in(draft: RuleDraft) -> list[str]:
    """The names of those that are declared in it."""
    world = draft_world(draft)
    return sorted(
        name.removeprefix(COUNTER) for name, spec in world.items() if name.startswith(COUNTER) and spec
    )


def counter_page(page: ModelAdmin[Any], request: HttpRequest, draft: RuleDraft, name: str) -> HttpResponse:
    """The counter of that name, or a new one. Raises 409 where somebody has changed it meanwhile."""
    spec = draft_spec(draft, counter_key(name)) if name else None
    form = _form(page, request)(request.POST or None, instance=_instance(spec))
    form.fields["name"].disabled = spec is not None  # under another name it would be another counter
    if form.is_bound and form.is_valid():
        typed, seen = counter_spec(form.save(commit=False)), request.POST.get("seen") or None
        draft_put_counter(number=draft.pk, spec=typed, seen=seen, actor=actor_of(request))
        page.message_user(request, f"Saved to draft {draft.pk}. Nothing is live yet.")
        return HttpResponseRedirect(change_url(RuleDraft, draft.pk))
    context = {
        **page.admin_site.each_context(request),
        "title": f"{name or 'A new counter'} in draft {draft.pk}",
        "opts": page.opts,
        "draft": draft,
        "thing": "counter",
        "name": name if spec else "",
        "key": counter_key(name),
        "form": form,
        "seen": request.POST.get("seen") or revision_of(spec) or "",
        "back": change_url(RuleDraft, draft.pk),
        "remove_url": page.url_of("remove", draft.pk),  # type: ignore[attr-defined]
    }
    return TemplateResponse(request, "admin/rules_app/draft_rule.html", context)


def _form(page: ModelAdmin[Any], request: HttpRequest) -> Any:
    """With the fields drawn as on the admin's own forms."""

    def drawn(field: Any, **options: Any) -> Any:
        return page.formfield_for_dbfield(field, request=request, **options)

    fields = RuleCounterForm.Meta.fields
    return modelform_factory(RuleCounter, form=RuleCounterForm, fields=fields, formfield_callback=drawn)


def _instance(spec: Spec | None) -> RuleCounter:
    """The counter to fill the form with. The live row's key keeps its own name from counting as taken."""
    counter = (RuleCounter.objects.filter(name=spec["name"]).first() if spec else None) or RuleCounter()
    for field, value in (counter_columns(spec) if spec else {}).items():
        setattr(counter, field, value)
    return counter
