"""Making and changing drafts. A draft decides nothing; publishing.py puts it in force.

Who changes a rule says which revision of it was seen; another one meanwhile is a conflict that shows both sides.
Lock order: the draft's row alone, so that two editors of one draft follow each other.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from acteon_site.base.errors import conflict, invalid, invalid_field, not_found
from acteon_site.base.names import name_problem
from rules_app.differences import SETTINGS, Spec, counter_key, label_of, revision_of, same
from rules_app.drafts import draft_get, draft_spec, live_spec
from rules_app.engine import timezone_problem
from rules_app.merging import Conflict, conflicting
from rules_app.models import Rule, RuleDraft, RuleDraftChange, RuleSetVersion
from rules_app.services.counters import counter_check
from rules_app.services.rule_sets import rule_check
from rules_app.specs import DEFAULTS, counter_canonical, rule_spec

MAX_NAME = 200
DRAFT, LIVE = "draft", "live"


def draft_open(*, name: str, actor: str) -> RuleDraft:
    """Begin an empty draft. Raises 422 for a name that is none."""
    newest = RuleSetVersion.objects.order_by("-number").values_list("number", flat=True).first()
    return RuleDraft.objects.create(name=_name_checked(name), base=newest, created_by=actor)


@transaction.atomic
def draft_rename(*, number: int, name: str) -> RuleDraft:
    draft = draft_locked(number)
    draft.name = _name_checked(name)
    draft.save(update_fields=["name"])
    return draft


@transaction.atomic
def draft_put(*, number: int, spec: Spec, seen: str | None, actor: str) -> RuleDraft:
    """Make the rule as `spec` says, in the draft. `seen`: the revision of what the draft had, None for no rule.

    Raises 404 without such a draft, 422 where the rule does not validate, 409 where the draft is closed or has
    the rule otherwise than it was seen (RuleConflict).
    """
    draft = draft_locked(number)
    rule_check(spec)
    canonical = canonical_spec(spec)
    _require_seen(draft, canonical["name"], canonical, seen)
    _note(draft, canonical["name"], canonical, actor)
    return draft


@transaction.atomic
def draft_remove(*, number: int, name: str, seen: str | None, actor: str) -> RuleDraft:
    """Take the rule out, in the draft. Raises as `draft_put`, and 404 where the draft has no such rule."""
    draft = draft_locked(number)
    if not name or draft_spec(draft, name) is None:
        raise not_found(f"there is no rule named {label_of(name)} in this draft")
    _require_seen(draft, name, None, seen)
    _note(draft, name, None, actor)
    return draft


@transaction.atomic
def draft_put_counter(*, number: int, spec: Spec, seen: str | None, actor: str) -> RuleDraft:
    """Declare the counter as `spec` says, in the draft. As `draft_put`; `draft_remove` takes `counter_key` of it."""
    draft = draft_locked(number)
    counter_check(spec)
    canonical, name = counter_canonical(spec), counter_key(spec["name"])
    _require_seen(draft, name, canonical, seen)
    _note(draft, name, canonical, actor)
    return draft


@transaction.atomic
def draft_put_timezone(*, number: int, default_timezone: str, actor: str) -> RuleDraft:
    """Set the zone of rules that name none, in the draft. Raises 422 for an unknown one."""
    draft = draft_locked(number)
    if problem := timezone_problem(default_timezone):
        raise invalid_field("default_timezone", problem)
    _note(draft, SETTINGS, {"default_timezone": default_timezone}, actor)
    return draft


@transaction.atomic
def draft_settle(*, number: int, name: str, take: str, seen: str | None, actor: str) -> RuleDraft:
    """End a conflict: `draft` keeps the draft's side over the live rule as it is now, `live` drops the change.

    `seen` is the revision of the live rule that was looked at. `live` also takes back a change without conflict.
    """
    draft = draft_locked(number)
    change = draft.changes.filter(name=name).first()
    if change is None:
        raise not_found(f"the draft does not change {name or 'the settings'}")
    live = live_spec(name)
    if revision_of(live) != seen:
        sides = Conflict(name, change.base, live, change.spec)
        raise conflicting("the live rule has changed once more", [sides])
    _add_editor(draft, actor)
    if take == LIVE:
        change.delete()
    else:
        change.base = live
        change.save(update_fields=["base"])
    return draft


@transaction.atomic
def draft_discard(*, number: int, actor: str) -> RuleDraft:
    """Close the draft for good, without any effect; it can still be read."""
    return draft_close(draft_locked(number), RuleDraft.Status.DISCARDED, actor)


def draft_close(draft: RuleDraft, status: RuleDraft.Status, actor: str, reason: str = "") -> RuleDraft:
    draft.status, draft.closed_by, draft.closed_at = status, actor, timezone.now()
    draft.reason = reason
    draft.save(update_fields=["status", "closed_by", "closed_at", "reason"])
    return draft


def draft_locked(number: int) -> RuleDraft:
    """The draft, held until the transaction ends. Raises 404 without it, 409 where it is closed."""
    draft = RuleDraft.objects.select_for_update().filter(pk=number).first() or draft_get(number)
    if not draft.is_open:
        raise conflict(f"draft {number} was {draft.status} by {draft.closed_by} already")
    return draft


def canonical_spec(spec: Spec) -> Spec:
    """A valid spec as a rule's row would give it back: equal for equal meaning."""
    return rule_spec(Rule(**{**DEFAULTS, **spec}))


def _name_checked(name: Any) -> str:
    if problem := name_problem(name, longest=MAX_NAME):
        raise invalid(f"name {problem}", invalid_field("name", problem).details)
    return str(name)


def _require_seen(draft: RuleDraft, name: str, yours: Spec | None, seen: str | None) -> None:
    change = draft.changes.filter(name=name).first()
    theirs = change.spec if change else live_spec(name)
    if revision_of(theirs) == seen:
        return
    row = Rule.objects.filter(name=name).first()
    who = change or row
    told = (who.edited_by, who.edited_at) if who else ("", None)
    sides = Conflict(name, change.base if change else None, theirs, yours, *told)
    raise conflicting(f"somebody has changed {label_of(name)} meanwhile", [sides])


def _note(draft: RuleDraft, name: str, spec: Spec | None, actor: str) -> None:
    """What equals the live rule is no change. The base stays that of the first edit until a conflict is settled."""
    live, change = live_spec(name), draft.changes.filter(name=name).first()
    _add_editor(draft, actor)
    if same(spec, live):
        draft.changes.filter(name=name).delete()
        return
    base = change.base if change else live
    RuleDraftChange.objects.update_or_create(
        draft=draft,
        name=name,
        defaults={"spec": spec, "base": base, "edited_by": actor, "edited_at": timezone.now()},
    )


def _add_editor(draft: RuleDraft, actor: str) -> None:
    if actor not in draft.editors:
        draft.editors = [*draft.editors, actor]
        draft.save(update_fields=["editors"])
