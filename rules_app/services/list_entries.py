"""Changing what a named list holds. Every process decides by it within a second.

A change has a number, which its entries carry; each is in the audit trail with who did it, and without the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, F
from django.utils import timezone

from acteon_site.base.errors import FieldProblem, conflict, invalid, invalid_field
from acteon_site.base.source import SYSTEM_SOURCE, Source
from rules_app.lists.memory import entry_key, key_for
from rules_app.lists.stored import KEPT, entries_in_clear, entries_on, entry_in_clear, keys_on
from rules_app.lists.texts import MAX_ENTRIES, Entry, Preview, parse_entry, previewed, read_lines
from rules_app.models import ListEntry, NamedList
from rules_app.services.lists import list_locked, list_noted, lists_lock

_BATCH = 1_000
EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Changed:
    """How many values came, were there already, and went."""

    added: int = 0
    double: int = 0
    removed: int = 0


@transaction.atomic
def entries_add(
    *, row: NamedList, entries: Sequence[Entry], source: Source, replace: bool = False
) -> Changed:
    """Put values on the list; what is on it stays as it is. With `replace`, what is not among them goes.

    Raises 404 where the list is gone, 422 where it would hold too many.
    """
    return _put(row, entries, source, replace=replace, update=False)


@transaction.atomic
def entries_own(*, row: NamedList, entries: Sequence[Entry], source: Source) -> Changed:
    """Make the list hold exactly this, notes and expiries included: what a file says that owns it."""
    return _put(row, entries, source, replace=True, update=True)


def _put(row: NamedList, entries: Sequence[Entry], source: Source, *, replace: bool, update: bool) -> Changed:
    number, now = lists_lock(), timezone.now()
    row = list_locked(row)
    wanted: dict[str, Entry] = {}
    for entry in entries:
        wanted.setdefault(key_for(entry.value, row.matching), entry)
    there = keys_on(row, now)
    double = [key for key in wanted if key in there]
    changed = _differing(row, double, wanted) if update else []
    gone = [key for key in there if key not in wanted] if replace else []
    fresh = [key for key in wanted if key not in there]
    # What has expired and was not reaped yet makes room for the same value again.
    removed = _remove(row, [*gone, *changed, *fresh], number, now, source.caller_id)
    added = _insert(row, {key: wanted[key] for key in (*fresh, *changed)}, number, now, source.caller_id)
    _resize(row, added - removed, source, now, edits=bool(added or removed))
    if added or gone:
        told = ("added", fresh or changed) if added else ("removed", gone)
        list_noted(
            row, source, told[0], keys=told[1], added=len(fresh), removed=len(gone), renewed=len(changed)
        )
    return Changed(len(fresh), len(double) - len(changed), len(gone))


def _differing(row: NamedList, keys: Iterable[str], wanted: dict[str, Entry]) -> list[str]:
    stored = entries_on(row).filter(key__in=list(keys))
    return [entry.key for entry in stored if entry_in_clear(entry) != wanted[entry.key]]


def _insert(row: NamedList, entries: dict[str, Entry], number: int, now: datetime, actor: str) -> int:
    rows = [
        ListEntry(
            list=row,
            key=key,
            content={"value": entry.value, "note": entry.note},
            added_by=actor,
            added_at=now,
            added_in=number,
            expires_at=entry.expires_at,
        )
        for key, entry in entries.items()
    ]
    ListEntry.objects.bulk_create(rows, batch_size=_BATCH)
    return len(rows)


def _remove(row: NamedList, keys: Sequence[str], number: int, now: datetime, actor: str) -> int:
    """Values and notes go at once; that something was there stays for a while."""
    removed = 0
    gone = {"content": None, "removed_by": actor, "removed_at": now, "removed_in": number}
    for begin in range(0, len(keys), _BATCH):
        part = ListEntry.objects.filter(list=row, removed_in=None, key__in=keys[begin : begin + _BATCH])
        removed += part.update(**gone)
    return removed


def _resize(row: NamedList, difference: int, source: Source, now: datetime, *, edits: bool) -> None:
    if row.size + difference > MAX_ENTRIES:
        raise invalid_field("entries", f"would be more than the {MAX_ENTRIES:,} that a list may hold")
    row.size = max(0, row.size + difference)
    fields = ["size", "updated_at"]
    if edits and row.holds_from_file:  # its file's next load stops here
        row.edited_by, row.edited_at = source.caller_id, now
        fields += ["edited_by", "edited_at"]
    row.save(update_fields=fields)


@transaction.atomic
def entries_remove(*, row: NamedList, values: Iterable[str], source: Source) -> int:
    """Take values off the list, however they are spelled; answers how many were on it."""
    return _take_off(row, lambda found: [key_for(value, found.matching) for value in values], source)


@transaction.atomic
def entries_remove_rows(*, row: NamedList, ids: Iterable[int], source: Source) -> int:
    """The same for entries that were chosen on a page."""
    chosen = list(ids)
    return _take_off(
        row, lambda found: list(entries_on(found).filter(pk__in=chosen).values_list("key", flat=True)), source
    )


def _take_off(row: NamedList, keys_of: Callable[[NamedList], list[str]], source: Source) -> int:
    number, now = lists_lock(), timezone.now()
    row = list_locked(row)
    keys = list(dict.fromkeys(keys_of(row)))
    removed = _remove(row, keys, number, now, source.caller_id)
    if removed:
        _resize(row, -removed, source, now, edits=True)
        list_noted(row, source, "removed", keys=keys, removed=removed)
    return removed


def import_preview(*, row: NamedList, text: str) -> Preview:
    """What importing the text would do; nothing is changed."""
    now = timezone.now()
    there = keys_on(row, now)
    return previewed(read_lines(text, now), row.matching, lambda form: entry_key(form) in there)


def entries_import(*, row: NamedList, text: str, source: Source, replace: bool = False) -> Changed:
    """Put the values of a text on the list. Raises 422 naming every bad line; nothing is changed then."""
    now = timezone.now()
    preview = previewed(read_lines(text, now), row.matching, lambda form: False)
    if preview.bad:
        number, problem = preview.bad[0]
        raise invalid_field(
            "text", f"line {number} {problem}; {len(preview.bad)} bad lines, nothing was changed"
        )
    if replace and not preview.new:
        raise conflict("the text holds no value: it would empty the list")
    changed = entries_add(row=row, entries=preview.new, source=source, replace=replace)
    return Changed(changed.added, changed.double + len(preview.double), changed.removed)


def list_rematch(*, row: NamedList, matching: str, source: Source) -> None:
    """Compare by another form from now on: every entry that does not look alike then goes on again."""
    entries = list(entries_in_clear(row))
    row.matching = matching
    row.save(update_fields=["matching", "updated_at"])
    entries_own(row=row, entries=entries, source=source)


def entries_parsed(specs: object) -> list[Entry]:
    """Entries as requests write them. Raises 422 naming every problem."""
    if not isinstance(specs, list) or not specs:
        raise invalid_field("entries", "must be a list with at least one value")
    found: list[Entry] = []
    problems: list[FieldProblem] = []
    for index, spec in enumerate(specs):
        entry, wrong = parse_entry(spec)
        problems += [
            FieldProblem(f"entries[{index}]{'.' if name else ''}{name}", text) for name, text in wrong
        ]
        if entry and entry.expires_at and entry.expires_at <= timezone.now():
            problems.append(FieldProblem(f"entries[{index}].expires_at", "is over already"))
        elif entry:
            found.append(entry)
    if problems:
        raise invalid(f"{problems[0].field} {problems[0].message}", problems)
    return found


def tidy_lists(now: datetime, batch: int) -> int:
    """Take off what has expired, and delete what was taken off long ago. Returns how many rows that were."""
    return _take_off_expired(now, batch) + _forget(now, batch)


@transaction.atomic
def _take_off_expired(now: datetime, batch: int) -> int:
    over = ListEntry.objects.filter(removed_in=None, expires_at__lte=now).order_by("expires_at")
    if not over.exists():
        return 0
    number = lists_lock()
    ids = list(over.values_list("pk", flat=True)[:batch])
    counted = ListEntry.objects.filter(pk__in=ids).values_list("list").annotate(Count("pk"))
    for pk, count in list(counted):
        row = NamedList.objects.select_for_update().get(pk=pk)
        NamedList.objects.filter(pk=pk).update(size=F("size") - count)
        list_noted(row, SYSTEM_SOURCE, EXPIRED, removed=count)
    gone = {"content": None, "removed_by": EXPIRED, "removed_at": now, "removed_in": number}
    return ListEntry.objects.filter(pk__in=ids).update(**gone)


@transaction.atomic
def _forget(now: datetime, batch: int) -> int:
    old = ListEntry.objects.filter(removed_in__isnull=False, removed_at__lte=now - KEPT)
    ids = list(old.order_by("removed_in").values_list("pk", flat=True)[:batch])
    ListEntry.objects.filter(pk__in=ids).delete()
    return len(ids)
