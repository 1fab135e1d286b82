"""Making, describing and deleting named lists. What they hold changes in `list_entries`.

Lock order: `rules_lock` where rules are asked, `lists_lock`, the list's row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem, conflict, invalid, not_found
from acteon_site.base.names import SHORT_LENGTH, name_problem
from acteon_site.base.source import Source
from audit_app.services.journal import Journal, Subject
from rules_app.engine.named_lists import ALL, EXACT, MATCHINGS
from rules_app.engine.scope import kind_of
from rules_app.engine.suggest import unknown
from rules_app.engine.values import text_problem
from rules_app.lists.memory import identity_of, newest_number
from rules_app.lists.stored import known_lists, rules_left_without
from rules_app.models import NamedList
from rules_app.services.rule_sets import rules_lock

KEYS = ("name", "namespace", "tenant", "matching", "description")
MAX_DESCRIPTION = 2_000
MOST_TOLD = 20
DEFAULTS: Mapping[str, Any] = {"namespace": ALL, "tenant": ALL, "matching": EXACT, "description": ""}


def lists_lock() -> int:
    """Hold off every other change of lists until the transaction ends; answers the number of this change."""
    config_versions.touch(config_versions.LISTS)
    return newest_number()


def list_locked(row: NamedList) -> NamedList:
    """Raises 404 where it is gone."""
    found = NamedList.objects.select_for_update().filter(pk=row.pk).first()
    if found is None:
        raise not_found("there is no such list")
    return found


def list_problems(spec: Mapping[str, Any]) -> list[FieldProblem]:
    """Everything that is wrong with a list's own facts, not with what it holds."""
    problems: list[tuple[str, str | None]] = [
        (key, unknown("key", key, KEYS)) for key in spec if key not in KEYS
    ]
    problems.append(("name", name_problem(spec.get("name", ""), longest=SHORT_LENGTH)))
    for name in ("namespace", "tenant"):
        value = spec.get(name, ALL)
        problems.append((name, None if value == ALL else name_problem(value, colon_allowed=False)))
    if spec.get("tenant", ALL) != ALL and spec.get("namespace", ALL) == ALL:
        problems.append(("tenant", "needs its namespace beside it"))
    matching = spec.get("matching", EXACT)
    problems.append(("matching", None if matching in MATCHINGS else unknown("matching", matching, MATCHINGS)))
    problems.append(("description", _description_problem(spec.get("description", ""))))
    return [FieldProblem(str(name), problem) for name, problem in problems if problem]


def _description_problem(value: Any) -> str | None:
    return (
        text_problem(value, MAX_DESCRIPTION)
        if isinstance(value, str)
        else f"must be text, not {kind_of(value)}"
    )


def list_checked(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The facts with their defaults. Raises 422 naming every problem."""
    problems = list_problems(spec)
    if problems:
        raise invalid(f"{problems[0].field} {problems[0].message}", problems)
    return {**DEFAULTS, **spec}


@transaction.atomic
def list_create(*, spec: Mapping[str, Any], source: Source) -> NamedList:
    """Make an empty list. Raises 422 where the spec does not validate, 409 where there is one in that place."""
    facts, number = list_checked(spec), lists_lock()
    row = NamedList(**facts, created_in=number)
    if identity_of(row) in known_lists():
        raise conflict(f"there is a list named {row.name} for {row.scope} already")
    row.edited_by, row.edited_at = source.caller_id, timezone.now()
    row.save(force_insert=True)
    list_noted(row, source, "made")
    return row


@transaction.atomic
def list_describe(*, row: NamedList, description: str, source: Source) -> NamedList:
    """Change what is said of a list. Its name, place and matching are what rules and entries go by, and stay."""
    lists_lock()
    row = list_locked(row)
    list_checked({"name": row.name, "description": description})
    row.description = description
    row.edited_by, row.edited_at = source.caller_id, timezone.now()
    row.save(update_fields=["description", "edited_by", "edited_at", "updated_at"])
    list_noted(row, source, "described")
    return row


@transaction.atomic
def list_delete(*, row: NamedList, source: Source) -> None:
    """Delete a list and all that it holds. Raises 404, and 409 while a rule would be left without it."""
    rules_lock()  # nobody begins to name it
    lists_lock()
    row = list_locked(row)
    users = rules_left_without(row, known_lists() - {identity_of(row)})
    if users:
        raise conflict(f"the list {row} is asked by {', '.join(users[:MOST_TOLD])}")
    list_noted(row, source, "deleted", removed=row.size)
    row.delete()


def list_noted(
    row: NamedList, source: Source, change: str, *, keys: Iterable[str] = (), **counts: int
) -> None:
    """The audit row of a change. Of values it has the first part of their keyed hashes, and of few of them."""
    details = {
        "rule_list": row.name,
        "scope": row.scope,
        "change": change,
        **{name: count for name, count in counts.items() if count},
    }
    if told := [key[:12] for key in keys][:MOST_TOLD]:
        details["entries"] = told
    namespace, tenant = (name if name != ALL else "" for name in (row.namespace, row.tenant))
    journal = Journal(source)
    subject = Subject(namespace, tenant, "", "rule_list", row.name)
    journal.audit(subject, outcome="state_changed", verdict="state_machine", outcome_details=details)
    journal.write()
