"""Lists asked row by row: what one holds, who uses it, and how all of them were after a change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet

from acteon_site.base.clock_text import rfc3339
from acteon_site.base.csv_lines import csv_line
from rules_app.engine.named_lists import Identity, Lists, lists_named, normalised, uncovered
from rules_app.lists.memory import alive_at, entry_key, identity_of
from rules_app.lists.texts import COLUMNS, Entry
from rules_app.models import ListEntry, NamedList, Rule
from rules_app.specs import rule_spec

# How long what was on a list is known, for the explanation of decisions; then the reaper deletes it.
KEPT = timedelta(days=30)
_CHUNK = 2_000


def entries_on(row: NamedList) -> QuerySet[ListEntry]:
    """What nobody has removed, the newest first; what has expired is still among it until the reaper comes."""
    return row.entries.filter(removed_in=None).order_by("-id")


def entry_in_clear(entry: ListEntry) -> Entry:
    content = entry.content or {}
    return Entry(content.get("value", ""), content.get("note", ""), entry.expires_at)


def entries_in_clear(row: NamedList) -> Iterator[Entry]:
    """Every entry as it was given, the oldest first."""
    for entry in entries_on(row).reverse().iterator(chunk_size=_CHUNK):
        yield entry_in_clear(entry)


def keys_on(row: NamedList, now: datetime) -> dict[str, int]:
    """The id of each entry that counts now, by its key."""
    return dict(entries_on(row).exclude(expires_at__lte=now).values_list("key", "pk"))


@dataclass(frozen=True, slots=True, eq=False)
class StoredList:
    """A list as it was after a change, asked by one statement for each value, once."""

    row: NamedList
    number: int
    _found: dict[str, ListEntry | None] = field(default_factory=dict)

    def entry(self, value: str, now: datetime) -> ListEntry | None:
        key = entry_key(normalised(value, self.row.matching))
        if key not in self._found:
            self._found[key] = self.row.entries.filter(alive_at(self.number), key=key).first()
        found = self._found[key]
        return found if found and (found.expires_at is None or now < found.expires_at) else None

    def holds(self, value: str, now: datetime) -> bool:
        return self.entry(value, now) is not None


class StoredLists(Lists):
    """All lists after the change of that number. Of those that were deleted since nothing is known."""

    def __init__(self, number: int) -> None:
        rows = NamedList.objects.filter(created_in__lte=number)
        self._stored = {identity_of(row): StoredList(row, number) for row in rows}
        super().__init__(self._stored, number)

    def asked(self, name: str, namespace: str, tenant: str) -> StoredList | None:
        identity = self.find(name, namespace, tenant)
        return self._stored[identity] if identity else None


def known_lists() -> set[Identity]:
    return set(NamedList.objects.values_list("name", "namespace", "tenant"))


def list_names() -> list[str]:
    """For whoever builds a rule."""
    return sorted(set(NamedList.objects.values_list("name", flat=True)))


def rules_naming(name: str, rules: Iterable[Rule]) -> list[Rule]:
    return [rule for rule in rules if any(named == name for _, named in lists_named(rule.condition))]


def rules_left_without(row: NamedList, without: Collection[Identity]) -> list[str]:
    """The rules that name the list and would find none of that name where it is gone, as a person calls them."""
    named = rules_naming(row.name, Rule.objects.order_by("name"))
    left = [rule for rule in named if any(uncovered(rule_spec(rule), without))]
    return [f"rule {rule.name}{'' if rule.enabled else ' (disabled)'}" for rule in left]


def export_lines(row: NamedList) -> Iterator[str]:
    """The list as CSV that can be imported again and that no spreadsheet calculates."""
    yield csv_line(COLUMNS)
    for entry in entries_in_clear(row):
        expiry = rfc3339(entry.expires_at) if entry.expires_at else ""
        yield csv_line((entry.value, entry.note, expiry))
