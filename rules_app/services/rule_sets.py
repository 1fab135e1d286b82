"""Changing rules. Every change publishes a new version in its own transaction, or changes nothing at all.

Lock order: `rules_lock` first, rule rows after it.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.digest import content_digest
from acteon_site.base.errors import FieldProblem, conflict, invalid, not_found
from rules_app.engine import Rule as EngineRule
from rules_app.engine import parse_rule, timezone_problem
from rules_app.models import Rule, RuleSettings, RuleSetVersion
from rules_app.references import reference_problems
from rules_app.selectors import build_rule_set, enabled_content
from rules_app.specs import rule_spec

MAX_CAUSE = 200


def rules_lock() -> RuleSettings:
    """Hold off every other change of rules until the transaction ends; answers the settings row."""
    RuleSettings.objects.get_or_create(pk=1)
    return RuleSettings.objects.select_for_update().get(pk=1)


@transaction.atomic
def rule_set_publish(*, cause: str, actor: str) -> RuleSetVersion:
    """Put the enabled rules as they stand now in force, for every process, when the transaction commits.

    A set equal to the newest version makes no new one. Raises 422 naming every problem; nothing changes then.
    """
    # The lock comes before the rows are read: of two edits at once, the second publishes both.
    rules_lock()
    content = enabled_content()
    _refuse(build_rule_set(content, 0)[1], "the rules do not load: ")
    digest = content_digest(content)
    newest = RuleSetVersion.objects.order_by("-number").first()
    if newest and newest.digest == digest:
        return newest
    version = RuleSetVersion.objects.create(
        content=content, digest=digest, cause=cause[:MAX_CAUSE], actor=actor
    )
    config_versions.touch(config_versions.RULES)
    return version


def _reference_problems(rule: EngineRule) -> list[FieldProblem]:
    named = rule.action.references()
    return reference_problems([(f"action.{field}", section, name) for field, section, name in named])


def _refuse(problems: list[FieldProblem], introduction: str = "") -> None:
    if problems:
        raise invalid(f"{introduction}{problems[0].field} {problems[0].message}", problems)


@transaction.atomic
def rule_save(*, rule: Rule, actor: str) -> Rule:
    """Save a rule that a person made or edited, checked as a loaded one is, and publish.

    Raises 422 where it does not validate, 409 where another rule has its name.
    """
    rules_lock()
    parsed, problems = parse_rule(rule_spec(rule))
    _refuse(problems or (_reference_problems(parsed) if parsed else []))
    if Rule.objects.filter(name=rule.name).exclude(pk=rule.pk).exists():
        raise conflict(f"there is a rule named {rule.name} already")
    before = Rule.objects.filter(pk=rule.pk).first()
    if before is None or before.enabled != rule.enabled:
        rule.enabled_by = actor
    rule.edited_by, rule.edited_at = actor, timezone.now()
    rule.save()
    rule_set_publish(cause=f"{'edited' if before else 'made'} {rule.name}", actor=actor)
    return rule


@transaction.atomic
def rule_enable(*, name: str, enabled: bool, actor: str) -> Rule:
    """Switch one rule and publish. A person's switch outlasts later loads. Raises 404 for an unknown name."""
    rules_enable(names=[name], enabled=enabled, actor=actor)
    return Rule.objects.get(name=name)


@transaction.atomic
def rules_enable(*, names: Collection[str], enabled: bool, actor: str) -> list[str]:
    """Switch several rules as one change; answers the names of those that were the other way before."""
    rules_lock()
    rows = list(Rule.objects.filter(name__in=names).order_by("name"))
    missing = set(names) - {rule.name for rule in rows}
    if missing:
        raise not_found(f"there is no rule named {min(missing)}")
    Rule.objects.filter(pk__in=[rule.pk for rule in rows]).update(enabled=enabled, enabled_by=actor)
    changed = [rule.name for rule in rows if rule.enabled != enabled]
    if changed:
        verb = "enabled" if enabled else "disabled"
        rule_set_publish(cause=f"{verb} {', '.join(changed)}", actor=actor)
    return changed


@transaction.atomic
def rules_delete(*, names: Collection[str], actor: str) -> None:
    """Delete rules as one change and publish what is left."""
    rules_lock()
    Rule.objects.filter(name__in=names).delete()
    rule_set_publish(cause=f"deleted {', '.join(sorted(names))}", actor=actor)


@transaction.atomic
def rule_settings_save(*, default_timezone: str, actor: str) -> RuleSettings:
    """Set the zone of rules that name none (empty: as deployed) and publish; 422 for an unknown zone."""
    problem = timezone_problem(default_timezone) if default_timezone else None
    _refuse([FieldProblem("default_timezone", problem)] if problem else [])
    row = rules_lock()
    row.default_timezone, row.edited_by, row.edited_at = default_timezone, actor, timezone.now()
    row.save()
    rule_set_publish(cause="default time zone changed", actor=actor)
    return row
