"""Putting drafts and older versions in force: one transaction, under `rules_lock`, rule by rule.

Rules that changed on one side only merge; one that changed on both is a conflict, and then nothing is published.
Lock order: `rules_lock`, the draft's row, rule rows.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from acteon_site.base.errors import AppError, FieldProblem, conflict, invalid
from rules_app.differences import COUNTER, SETTINGS, Difference, Spec, World, differences, is_rule, same
from rules_app.drafts import (
    ChangeView,
    DraftView,
    draft_view,
    live_spec,
    live_world,
    version_get,
    version_world,
)
from rules_app.engine.words import PLAIN, Lexicon
from rules_app.merging import conflicting
from rules_app.models import Rule, RuleCounter, RuleDraft, RuleDraftChange, RuleSettings, RuleSetVersion
from rules_app.services.counters import counter_check, counter_put
from rules_app.services.drafts import MAX_NAME, draft_close, draft_locked
from rules_app.services.rule_sets import reason_checked, rule_check, rule_set_publish, rules_lock
from rules_app.services.second_person import asking_namespaces, require_second_person
from rules_app.specs import DEFAULTS


@transaction.atomic
def draft_publish(*, number: int, reason: str, actor: str, seen: str | None = None) -> RuleSetVersion:
    """Put the draft in force and close it. `seen` is the revision of the draft that was reviewed, where given.

    Raises 404 without such a draft, 422 without a reason or with a rule that does not validate, 409 where it is
    closed, was changed since it was reviewed, changes nothing, needs a second person, or meets rules that were
    changed meanwhile (RuleConflict, all of them at once).
    """
    return _publish(number, reason_checked(reason), actor, seen)


def _publish(number: int, reason: str, actor: str, seen: str | None, cause: str = "") -> RuleSetVersion:
    settings, draft = rules_lock(), draft_locked(number)
    view = draft_view(draft)
    _require_publishable(view, seen)
    require_second_person(settings, _concerned(view.due), draft, actor)
    _check(view.due)
    for change in view.due:
        _apply(change, settings)
    said = cause or f"published draft {draft.number}: {draft.name}"
    version = rule_set_publish(cause=said, actor=actor, reason=reason, draft=draft)
    draft_close(draft, RuleDraft.Status.PUBLISHED, actor, reason)
    return version


def _require_publishable(view: DraftView, seen: str | None) -> None:
    if seen is not None and seen != view.revision:
        raise conflict("somebody has changed this draft since you looked at it: look at it again")
    if view.conflicts:
        names = ", ".join(found.conflict.label for found in view.conflicts)
        message = f"changed meanwhile, in another way than in this draft: {names}"
        raise conflicting(message, [found.conflict for found in view.conflicts])
    if not view.due:
        raise conflict("this draft changes nothing that is not so already")


def _concerned(due: Iterable[ChangeView]) -> list[Spec]:
    return [spec for view in due for spec in (view.live, view.change.spec) if spec is not None]


def _check(due: Iterable[ChangeView]) -> None:
    problems: list[FieldProblem] = []
    for view in due:
        problems += _problems(view.change)
    if problems:
        raise invalid(f"{problems[0].field} {problems[0].message}", problems)


def _problems(change: RuleDraftChange) -> list[FieldProblem]:
    if change.spec is None or change.name == SETTINGS:
        return []
    check, section = (rule_check, "rules") if is_rule(change.name) else (counter_check, "counters")
    try:
        check(change.spec)
    except AppError as error:
        where = f"{section}[{change.spec.get('name')}]"
        return [FieldProblem(f"{where}.{one.field}", one.message) for one in error.details]
    return []


def _apply(view: ChangeView, settings: RuleSettings) -> None:
    change = view.change
    if change.name == SETTINGS:
        settings.default_timezone = (change.spec or {}).get("default_timezone", "")
        settings.edited_by, settings.edited_at = change.edited_by, timezone.now()
        settings.save()
    elif not is_rule(change.name):
        _apply_counter(change)
    elif change.spec is None:
        Rule.objects.filter(name=change.name).delete()
    else:
        _write(change, change.spec, view.live)


def _apply_counter(change: RuleDraftChange) -> None:
    if change.spec is None:
        RuleCounter.objects.filter(name=change.name.removeprefix(COUNTER)).delete()
    else:
        counter_put(change.spec, change.edited_by)


def _write(change: RuleDraftChange, spec: Spec, live: Spec | None) -> None:
    """A mere switch is no edit: who loads the rule's file again finds it as it was loaded."""
    row = Rule.objects.filter(name=change.name).first() or Rule()
    for name, value in {**DEFAULTS, **spec}.items():
        setattr(row, name, value)
    if live is None or _switch(live) != _switch(spec):
        row.enabled_by = change.edited_by
    if live is None or not same(_unswitched(live), _unswitched(spec)):
        row.edited_by, row.edited_at = change.edited_by, change.edited_at
    row.save()


def _switch(spec: Spec) -> bool:
    return bool(spec.get("enabled", True))


def _unswitched(spec: Spec) -> Spec:
    return {name: value for name, value in spec.items() if name != "enabled"}


def restored_world(version: RuleSetVersion) -> dict[str, Spec]:
    """The rules as restoring the version would leave them.

    As the version held them, its switches included. Of the rules that it does not hold, those made by hand go;
    switched off instead is what a file owns, since the file's next load would bring it back, and everything
    where the version is from before disabled rules were kept, since it may have held them disabled. Counters stay:
    one that no rule asks counts nothing.
    """
    owned = set(Rule.objects.exclude(source="").values_list("name", flat=True))
    wanted = version_world(version)
    for name, spec in live_world().items():
        if not is_rule(name):
            wanted.setdefault(name, spec)
        elif name not in wanted and (version.disabled is None or name in owned):
            wanted[name] = {**spec, "enabled": False}
    return wanted


def restore_preview(version: RuleSetVersion, lexicon: Lexicon = PLAIN) -> list[Difference]:
    """What restoring the version would change of the rules as they stand."""
    return differences(live_world(), restored_world(version), lexicon)


@transaction.atomic
def version_restore(*, number: int, reason: str, actor: str) -> RuleDraft:
    """Put an older version's rules in force again, as a draft that is published at once.

    Answers the draft: published, or open where a second person must publish it. Raises 404 without such a
    version, 422 without a reason or where its rules do not validate any more, 409 where nothing would change.
    """
    why, settings = reason_checked(reason), rules_lock()
    live, wanted = live_world(), restored_world(version_get(number))
    if not _differing(live, wanted):
        raise conflict(f"the rules are as in version {number} already")
    draft = _draft_of(f"Back to version {number}", live, wanted, actor)
    return _put_through(draft, settings, why, actor, f"restored version {number}")


@transaction.atomic
def rule_put_in_force(*, spec: Spec, seen: Spec, title: str, reason: str, actor: str) -> RuleDraft:
    """Publish one changed rule at once, by a draft of that title, which is also the version's cause.

    `seen` is the live rule that was changed. Answers the draft: published, or open where a second person must
    publish it. Raises 422 without a reason or where the rule does not validate, 409 where it has changed since.
    """
    why, settings, name = reason_checked(reason), rules_lock(), spec["name"]
    if not same(live_spec(name), seen):
        raise conflict(f"somebody has changed {name} meanwhile: look at it again")
    draft = _draft_of(title, {name: seen}, {name: spec}, actor)
    return _put_through(draft, settings, why, actor, title)


def _put_through(draft: RuleDraft, settings: RuleSettings, why: str, actor: str, cause: str) -> RuleDraft:
    """Publish a draft that was just made, or leave it, with its reason, to the second person."""
    if asking_namespaces(settings, _concerned(draft_view(draft).changes)):
        draft.reason = why
        draft.save(update_fields=["reason"])
        return draft
    _publish(draft.number, why, actor, None, cause)
    draft.refresh_from_db()
    return draft


def _differing(live: World, wanted: World) -> list[str]:
    return sorted(name for name in live.keys() | wanted.keys() if not same(live.get(name), wanted.get(name)))


def _draft_of(title: str, live: World, wanted: World, actor: str) -> RuleDraft:
    newest = RuleSetVersion.objects.order_by("-number").values_list("number", flat=True).first()
    draft = RuleDraft.objects.create(name=title[:MAX_NAME], base=newest, created_by=actor, editors=[actor])
    RuleDraftChange.objects.bulk_create(
        RuleDraftChange(draft=draft, name=name, spec=wanted.get(name), base=live.get(name), edited_by=actor)
        for name in _differing(live, wanted)
    )
    return draft
