"""Making, changing and deleting time intervals. As with rules, every change publishes a version or changes nothing.

Lock order: `rules_lock` first, the interval's row after it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from acteon_site.base.errors import conflict, invalid, not_found
from acteon_site.base.source import Source
from audit_app.services.journal import Journal, Subject
from rules_app.engine.intervals import parse_interval, spec_of
from rules_app.engine.muting_terms import intervals_named, intervals_not_there
from rules_app.engine.named_lists import ALL, Identity
from rules_app.models import Rule, TimeInterval
from rules_app.selectors import known_intervals
from rules_app.services.rule_sets import rule_set_publish, rules_lock
from rules_app.specs import INTERVAL_DEFAULTS, Spec, interval_spec, rule_spec

MOST_TOLD = 20


@transaction.atomic
def interval_create(*, spec: Mapping[str, Any], source: Source) -> TimeInterval:
    """Raises 422 where the spec does not validate, 409 where there is one of that name in that place."""
    facts = interval_checked(spec)
    rules_lock()
    if _identity(facts) in known_intervals():
        raise conflict(f"there is a time interval named {facts['name']} for {_scope(facts)} already")
    row = TimeInterval(created_by=source.caller_id)
    return _put(row, facts, source, "made")


@transaction.atomic
def interval_update(*, row: TimeInterval, changes: Mapping[str, Any], source: Source) -> TimeInterval:
    """Change what `changes` names. Name and place, by which rules find it, stay (422)."""
    rules_lock()
    row = _locked(row)
    before = interval_spec(row)
    facts = interval_checked({**before, **changes})
    if _identity(facts) != _identity(before):
        raise invalid(
            "name, namespace and tenant of a time interval stay: rules go by them; make another one"
        )
    return row if facts == before else _put(row, facts, source, "changed")


@transaction.atomic
def interval_delete(*, row: TimeInterval, source: Source) -> None:
    """Raises 404, and 409 while a rule would be left without it."""
    rules_lock()
    row = _locked(row)
    users = rules_left_without(row, known_intervals() - {_identity(interval_spec(row))})
    if users:
        raise conflict(f"the time interval {row} is named by {', '.join(users[:MOST_TOLD])}")
    interval_noted(row, source, "deleted")
    row.delete()
    rule_set_publish(cause=f"deleted time interval {row}", actor=source.caller_id)


def interval_checked(spec: Mapping[str, Any]) -> Spec:
    """The one spelling of the spec. Raises 422 naming every problem."""
    interval, problems = parse_interval(spec)
    if interval is None:
        raise invalid(f"{problems[0].field} {problems[0].message}", problems)
    return spec_of(interval)


def rules_left_without(row: TimeInterval, without: Collection[Identity]) -> list[str]:
    """The rules that name the interval and would find none of that name where it is gone, as a person calls them."""
    left = [rule for rule in rules_naming(row.name) if any(intervals_not_there(rule_spec(rule), without))]
    return [f"rule {rule.name}{'' if rule.enabled else ' (disabled)'}" for rule in left]


def rules_naming(name: str) -> list[Rule]:
    rules = Rule.objects.exclude(mute_time_intervals=[], active_time_intervals=[]).order_by(
        "priority", "name"
    )
    return [rule for rule in rules if any(named == name for _, named in intervals_named(rule_spec(rule)))]


def _put(row: TimeInterval, facts: Spec, source: Source, change: str) -> TimeInterval:
    for name, value in {**INTERVAL_DEFAULTS, **facts}.items():
        setattr(row, name, value)
    row.edited_by, row.edited_at = source.caller_id, timezone.now()
    row.save()
    interval_noted(row, source, change)
    rule_set_publish(cause=f"{change} time interval {row}", actor=source.caller_id)
    return row


def _locked(row: TimeInterval) -> TimeInterval:
    found = TimeInterval.objects.select_for_update().filter(pk=row.pk).first()
    if found is None:
        raise not_found("there is no such time interval")
    return found


def _identity(facts: Spec) -> Identity:
    return facts["name"], facts.get("namespace", ALL), facts.get("tenant", ALL)


def _scope(facts: Spec) -> str:
    return "/".join(_identity(facts)[1:])


def interval_noted(row: TimeInterval, source: Source, change: str) -> None:
    """The audit row of a change, in its transaction."""
    namespace, tenant = (name if name != ALL else "" for name in (row.namespace, row.tenant))
    details = {"time_interval": row.name, "scope": f"{row.namespace}/{row.tenant}", "change": change}
    if change != "deleted":
        details |= {"location": row.location or "UTC", "time_ranges": row.time_ranges}
    journal = Journal(source)
    subject = Subject(namespace, tenant, "", "time_interval", row.name)
    journal.audit(subject, outcome="state_changed", verdict="state_machine", outcome_details=details)
    journal.write()
