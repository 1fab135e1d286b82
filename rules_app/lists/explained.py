"""By which entries of lists a decision came about: who put them there, when and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from rules_app.engine.clauses import Clause
from rules_app.engine.named_lists import OPERATORS, Lists
from rules_app.engine.scope import Scope
from rules_app.lists.memory import newest_number
from rules_app.lists.stored import KEPT, StoredLists, entry_in_clear
from rules_app.models import ListEntry, NamedList

# Whether the reader may see the entries of lists of that namespace and tenant.
Sees = Callable[[str, str], bool]


def nobody(namespace: str, tenant: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Listed:
    """A value was on this list, put there by that person. `note` is empty where they said nothing, or it is gone."""

    list: str
    scope: str
    path: str
    added_by: str
    added_at: datetime
    note: str
    removed_at: datetime | None = None


def lists_of(number: object, decided_at: datetime) -> Lists | None:
    """The lists as a decision found them; None where that is no longer known."""
    if not isinstance(number, int):
        return StoredLists(newest_number())  # it asked none
    return StoredLists(number) if decided_at > timezone.now() - KEPT else None


def listed(clauses: Clause | None, scope: Scope | None, sees: Sees) -> Iterator[Listed]:
    """Of each list that the clauses asked, the entry that was found, where the reader may see it."""
    if clauses is None or scope is None or not isinstance(scope.lists, StoredLists):
        return
    for one in clauses.leaves():
        leaf = one.condition.leaf
        if leaf is None or leaf.operator.name not in OPERATORS or not isinstance(one.value, str):
            continue
        asked = scope.lists.asked(leaf.operand, scope.action.namespace, scope.action.tenant)
        if asked and sees(asked.row.namespace, asked.row.tenant):
            entry = asked.entry(one.value, scope.now)
            if entry:
                yield _told(asked.row, entry, leaf.field.path)


def _told(row: NamedList, entry: ListEntry, path: str) -> Listed:
    note = entry_in_clear(entry).note
    return Listed(row.name, row.scope, path, entry.added_by, entry.added_at, note, entry.removed_at)
