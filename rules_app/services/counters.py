"""Changing the counters that rules may ask. As with rules, every change publishes a new version or changes nothing.

Lock order: `rules_lock` first, counter rows after it.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from acteon_site.base.errors import invalid, not_found
from rules_app.differences import Spec, counter_key, revision_of
from rules_app.engine.counting import parse_counter
from rules_app.merging import Conflict, conflicting
from rules_app.models import RuleCounter
from rules_app.services.rule_sets import rule_set_publish, rules_lock
from rules_app.services.second_person import require_nobody_else
from rules_app.specs import counter_canonical, counter_columns, counter_spec


def counter_check(spec: Spec) -> None:
    """Raise 422 naming every problem of a counter by itself."""
    problems = parse_counter(spec)[1]
    if problems:
        raise invalid(f"{problems[0].field} {problems[0].message}", problems)


@transaction.atomic
def counter_save(*, spec: Spec, actor: str, reason: str = "", seen: str | None = None) -> RuleCounter:
    """Declare a counter, or declare it otherwise, and publish; it then counts anew.

    `seen`: the revision of what was looked at, None for no counter. Raises 422 where it does not validate or a rule
    asks more of it than it counts, 409 where a second person must publish it, or somebody changed it meanwhile
    (RuleConflict).
    """
    settings = rules_lock()
    counter_check(spec)
    row = RuleCounter.objects.filter(name=spec["name"]).first()
    require_nobody_else(settings, [spec])
    _require_seen(row, counter_canonical(spec), seen)
    saved = counter_put(counter_canonical(spec), actor)
    rule_set_publish(cause=f"{'edited' if row else 'made'} counter {saved.name}", actor=actor, reason=reason)
    return saved


def _require_seen(row: RuleCounter | None, yours: Spec, seen: str | None) -> None:
    theirs = counter_spec(row) if row else None
    if revision_of(theirs) == seen:
        return
    told = (row.edited_by, row.edited_at) if row else ("", None)
    sides = Conflict(counter_key(str(yours["name"])), None, theirs, yours, *told)
    raise conflicting(f"somebody has changed the counter {yours['name']} meanwhile", [sides])


def counter_put(spec: Spec, actor: str) -> RuleCounter:
    """Write the row of a valid spec, in the transaction of whoever publishes."""
    row = RuleCounter.objects.filter(name=spec["name"]).first() or RuleCounter()
    for name, value in counter_columns(spec).items():
        setattr(row, name, value)
    row.edited_by, row.edited_at = actor, timezone.now()
    row.save()
    return row


@transaction.atomic
def counter_delete(*, name: str, actor: str) -> None:
    """Raises 404 without such a counter, 422 where a rule in force asks it."""
    settings = rules_lock()
    row = RuleCounter.objects.filter(name=name).first()
    if row is None:
        raise not_found(f"there is no counter named {name}")
    require_nobody_else(settings, [counter_spec(row)])
    row.delete()
    rule_set_publish(cause=f"deleted counter {name}", actor=actor)
