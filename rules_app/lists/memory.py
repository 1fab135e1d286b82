"""The lists in the memory of this process: keyed hashes and when they expire, never a value.

A process learns of a change within half a second, and then reads only what has changed since its last look: entries
carry the number of the change that added or removed them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from acteon_site.base import config_versions
from acteon_site.base.digest import keyed_hash
from rules_app.engine import RuleSet
from rules_app.engine.named_lists import Held, Identity, Lists, normalised
from rules_app.models import ListEntry, NamedList

KEY_LENGTH = 32  # of hexadecimal digits: 128 bits of the hash
# Removed entries are gone from the database after a while; whoever has not looked for longer loads anew.
FRESH_SECONDS = 24 * 3_600
_CHUNK = 5_000
Expiries = dict[bytes, datetime | None]


def entry_key(value: str) -> str:
    """By which a value, in the list's form, is found. It tells nothing of the value without the key of lookups."""
    return keyed_hash("named list", value)[:KEY_LENGTH]


def key_for(value: str, matching: str) -> str:
    return entry_key(normalised(value, matching))


def _bytes_of(value: str) -> bytes:
    return bytes.fromhex(entry_key(value))


@dataclass(frozen=True, slots=True, eq=False)
class _Memory:
    """All lists as they were after the change of that number."""

    version: int
    expiries: Mapping[UUID, Expiries] = field(default_factory=dict)
    lists: Lists = field(default_factory=Lists)
    looked: float = field(default_factory=time.time)


def current_lists() -> Lists:
    """Every list, refreshed within half a second of a change."""
    return _memory.get().lists


def with_current_lists(rules: RuleSet) -> RuleSet:
    """The rules with the lists that they name. Nothing is read where they name none."""
    if not rules.names_lists:
        return rules
    lists = current_lists()
    return rules if rules.lists is lists else rules.with_lists(lists)


def newest_number() -> int:
    """Of the newest change of any list; 0 before the first one."""
    return config_versions.version_stored(config_versions.LISTS)


def alive_at(number: int) -> Q:
    """Entries that were on their list after the change of that number."""
    return Q(added_in__lte=number) & (Q(removed_in=None) | Q(removed_in__gt=number))


def _load() -> _Memory:
    number = newest_number()
    found: dict[UUID, Expiries] = {}
    _take(ListEntry.objects.filter(alive_at(number)), found)
    return _remembered(number, found)


def _renew(held: _Memory) -> _Memory:
    """What was held, with all that has changed since. Lists that have not changed share their memory with it."""
    number = newest_number()
    if number < held.version or time.time() - held.looked > FRESH_SECONDS:
        return _load()
    since = ListEntry.objects.filter(removed_in__gt=held.version, removed_in__lte=number)
    gone = list(since.values_list("list_id", "key"))
    fresh = ListEntry.objects.filter(alive_at(number), added_in__gt=held.version)
    touched = {list_id for list_id, _ in gone} | set(fresh.values_list("list_id", flat=True).distinct())
    found = {**held.expiries, **{pk: dict(held.expiries.get(pk, {})) for pk in touched}}
    for list_id, key in gone:
        found[list_id].pop(bytes.fromhex(key), None)
    _take(fresh, found)
    return _remembered(number, found)


def _take(rows: QuerySet[ListEntry], into: dict[UUID, Expiries]) -> None:
    read = rows.values_list("list_id", "key", "expires_at").iterator(chunk_size=_CHUNK)
    for list_id, key, expires_at in read:
        into.setdefault(list_id, {})[bytes.fromhex(key)] = expires_at


def _remembered(number: int, expiries: Mapping[UUID, Expiries]) -> _Memory:
    rows = list(NamedList.objects.filter(created_in__lte=number))
    kept = {row.pk: expiries.get(row.pk, {}) for row in rows}
    lists = {identity_of(row): Held(kept[row.pk], row.matching, _bytes_of) for row in rows}
    return _Memory(number, kept, Lists(lists, number))


def identity_of(row: NamedList) -> Identity:
    return row.name, row.namespace, row.tenant


_memory = config_versions.ConfigCache(config_versions.LISTS, _load, _renew)
