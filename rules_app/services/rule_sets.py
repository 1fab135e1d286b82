"""Changing rules. Every change publishes a new version in its own transaction, or changes nothing at all.

Lock order: `rules_lock` first, rule rows after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from django.db import transaction
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.digest import content_digest
from acteon_site.base.errors import FieldProblem, conflict, invalid, invalid_field, not_found
from rules_app.differences import Spec, revision_of, same
from rules_app.engine import Rule as EngineRule
from rules_app.engine import parse_rule, timezone_problem
from rules_app.engine.muting_terms import intervals_named, intervals_not_there, mutables_problem
from rules_app.engine.named_lists import lists_named, uncovered
from rules_app.lists.stored import known_lists
from rules_app.merging import Conflict, conflicting
from rules_app.models import MAX_REASON, Rule, RuleDraft, RuleSettings, RuleSetVersion
from rules_app.references import RULE_CHECKS, reference_problems
from rules_app.selectors import build_rule_set, disabled_content, enabled_content, known_intervals
from rules_app.services.second_person import require_nobody_else
from rules_app.specs import rule_spec

MAX_CAUSE = 200
# For a change that does not say which content it was made on.
UNSEEN: Final = "unseen"


def rules_lock() -> RuleSettings:
    """Hold off every other change of rules until the transaction ends; answers the settings row."""
    RuleSettings.objects.get_or_create(pk=1)
    return RuleSettings.objects.select_for_update().get(pk=1)


@transaction.atomic
def rule_set_publish(
    *, cause: str, actor: str, reason: str = "", draft: RuleDraft | None = None
) -> RuleSetVersion:
    """Put the enabled rules as they stand now in force, for every process, when the transaction commits.

    A set equal to the newest version, its disabled rules included, makes no new one. Raises 422 naming every
    problem; nothing changes then.
    """
    # The lock comes before the rows are read: of two edits at once, the second publishes both.
    rules_lock()
    content, disabled = enabled_content(), disabled_content()
    _refuse(build_rule_set(content, 0)[1], "the rules do not load: ")
    digest = content_digest(content)
    newest = RuleSetVersion.objects.order_by("-number").first()
    if newest and newest.digest == digest and same(newest.disabled or [], disabled):
        return newest
    version = RuleSetVersion.objects.create(
        content=content,
        disabled=disabled,
        digest=digest,
        cause=cause[:MAX_CAUSE],
        reason=reason,
        draft=draft,
        actor=actor,
    )
    config_versions.touch(config_versions.RULES)
    return version


def _reference_problems(rule: EngineRule) -> list[FieldProblem]:
    named = rule.action.references()
    problems = reference_problems([(f"action.{field}", section, name) for field, section, name in named])
    return problems + [problem for check in RULE_CHECKS.values() for problem in check.call(rule)]


def _refuse(problems: list[FieldProblem], introduction: str = "") -> None:
    if problems:
        raise invalid(f"{introduction}{problems[0].field} {problems[0].message}", problems)


def rule_check(spec: Spec) -> None:
    """Raise 422 naming every problem of a rule by itself, what it names and is not there included."""
    parsed, problems = parse_rule(spec)
    _refuse(
        problems
        or (_reference_problems(parsed) if parsed else []) + _list_problems(spec) + _interval_problems(spec)
    )


def _list_problems(spec: Spec) -> list[FieldProblem]:
    if not any(lists_named(spec["condition"])):
        return []
    return [FieldProblem(place, problem) for place, problem in uncovered(spec, known_lists())]


def _interval_problems(spec: Spec) -> list[FieldProblem]:
    if not any(intervals_named(spec)):
        return []
    return [FieldProblem(place, problem) for place, problem in intervals_not_there(spec, known_intervals())]


def reason_checked(reason: str) -> str:
    """The reason as one line. Raises 422 where none is given."""
    line = " ".join(reason.split())
    if not line:
        raise invalid_field("reason", "is required: say why, for whoever reads it next year")
    if len(line) > MAX_REASON:
        raise invalid_field("reason", f"must have at most {MAX_REASON} characters")
    return line


@transaction.atomic
def rule_save(*, rule: Rule, actor: str, reason: str = "", seen: str | None = UNSEEN) -> Rule:
    """Save a rule that a person made or edited, checked as a loaded one is, and publish.

    `seen` is the revision of the rule that was edited. Raises 422 where it does not validate, 409 where another
    rule has its name, where somebody has changed it meanwhile, or where a second person must publish it.
    """
    settings = rules_lock()
    rule_check(rule_spec(rule))
    if Rule.objects.filter(name=rule.name).exclude(pk=rule.pk).exists():
        raise conflict(f"there is a rule named {rule.name} already")
    before = Rule.objects.filter(pk=rule.pk).first()
    _require_seen(before, rule, seen)
    require_nobody_else(settings, _specs([before, rule]))
    if before is None or before.enabled != rule.enabled:
        rule.enabled_by = actor
    rule.edited_by, rule.edited_at = actor, timezone.now()
    rule.save()
    rule_set_publish(cause=f"{'edited' if before else 'made'} {rule.name}", actor=actor, reason=reason)
    return rule


def _specs(rules: Iterable[Rule | None]) -> list[Spec]:
    return [rule_spec(rule) for rule in rules if rule]


def _require_seen(before: Rule | None, rule: Rule, seen: str | None) -> None:
    live = rule_spec(before) if before else None
    if seen == UNSEEN or revision_of(live) == seen:
        return
    told = (before.edited_by, before.edited_at) if before else ("", None)
    sides = Conflict(rule.name, None, live, rule_spec(rule), *told)
    raise conflicting(f"somebody has changed {rule.name} meanwhile", [sides])


@transaction.atomic
def rule_enable(*, name: str, enabled: bool, actor: str) -> Rule:
    """Switch one rule and publish. A person's switch outlasts later loads. Raises 404 for an unknown name."""
    rules_enable(names=[name], enabled=enabled, actor=actor)
    return Rule.objects.get(name=name)


@transaction.atomic
def rules_enable(*, names: Collection[str], enabled: bool, actor: str) -> list[str]:
    """Switch several rules as one change; answers the names of those that were the other way before."""
    settings = rules_lock()
    rows = list(Rule.objects.filter(name__in=names).order_by("name"))
    missing = set(names) - {rule.name for rule in rows}
    if missing:
        raise not_found(f"there is no rule named {min(missing)}")
    require_nobody_else(settings, _specs(rule for rule in rows if rule.enabled != enabled))
    Rule.objects.filter(pk__in=[rule.pk for rule in rows]).update(enabled=enabled, enabled_by=actor)
    changed = [rule.name for rule in rows if rule.enabled != enabled]
    if changed:
        verb = "enabled" if enabled else "disabled"
        rule_set_publish(cause=f"{verb} {', '.join(changed)}", actor=actor)
    return changed


@transaction.atomic
def rules_delete(*, names: Collection[str], actor: str) -> None:
    """Delete rules as one change and publish what is left."""
    settings, rows = rules_lock(), Rule.objects.filter(name__in=names)
    require_nobody_else(settings, _specs(rows))
    rows.delete()
    rule_set_publish(cause=f"deleted {', '.join(sorted(names))}", actor=actor)


@transaction.atomic
def rule_settings_save(
    *,
    default_timezone: str,
    actor: str,
    second_person: Collection[str] | None = None,
    muting: list[Spec] | None = None,
) -> RuleSettings:
    """Set the zone of rules that name none (empty: as deployed) and publish; 422 for an unknown zone.

    `second_person`: the namespaces (`*` for all) whose rules need one to be published; `muting`: which kinds of
    action may be muted; None leaves them. While there are any namespaces, a zone for all is set by a draft, and
    nobody alone says what may be muted (409).
    """
    found = {
        "default_timezone": timezone_problem(default_timezone) if default_timezone else None,
        "muting": mutables_problem(muting) if muting is not None else None,
    }
    _refuse([FieldProblem(name, problem) for name, problem in found.items() if problem])
    row = rules_lock()
    if row.default_timezone != default_timezone or (muting is not None and row.muting != muting):
        require_nobody_else(row, [{}])
    if muting is not None:
        row.muting = muting
    row.default_timezone, row.edited_by, row.edited_at = default_timezone, actor, timezone.now()
    if second_person is not None:
        row.second_person = sorted(set(second_person))
    row.save()
    rule_set_publish(cause="rule settings changed", actor=actor)
    return row
