"""How many names a tenant's sums of a day tell apart: names come from clients, and rows must not grow with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from audit_app.models import RollupNames
from audit_app.records.rollups import DAY, OTHER, Added, Key, Sums

# Of each kind of sum, by tenant and day. Who has more is no person that reads them.
MOST_NAMES = 200
# A provider, an action type, a label (a rule, a country, a chain and its step), a currency.
Name = tuple[str, str, str, str]
Whose = tuple[str, str, int]


@dataclass(slots=True)
class _Day:
    """By kind of sum; `grown`: whether there is one more than is stored."""

    known: dict[str, set[Name]] = field(default_factory=dict)
    grown: bool = False

    def admits(self, kind: str, name: Name) -> bool:
        names = self.known.setdefault(kind, set())
        if name in names:
            return True
        if len(names) >= MOST_NAMES:
            return False
        names.add(name)
        self.grown = True
        return True


def names_bound(sums: Added) -> Added:
    """The same sums, where names beyond the first MOST_NAMES of a tenant's day are one. In a transaction."""
    days = _days_locked({_whose(key) for one in (sums.records, sums.times) for key in one})
    bound = Added()
    bound.include(_bound("r", sums.records, days), _bound("t", sums.times, days))
    _store(days)
    return bound


def _whose(key: Key) -> Whose:
    return key[2], key[3], key[0] // DAY * DAY


def _bound(letter: str, sums: Sums, days: dict[Whose, _Day]) -> Iterable[tuple[Key, int, int]]:
    for key, (count, amount) in sums.items():
        at, kind, namespace, tenant, provider, action_type, outcome, label, last = key
        currency = last if isinstance(last, str) else ""
        name = (provider, action_type, label, currency)
        if any(name) and not days[_whose(key)].admits(f"{letter}{kind}", name):
            names = [OTHER if one else "" for one in (provider, action_type, label)]
            key = (at, kind, namespace, tenant, names[0], names[1], outcome, names[2], last)
        yield key, count, amount


def _days_locked(wanted: set[Whose]) -> dict[Whose, _Day]:
    """In one order, so that two who fold wait for each other and no more."""
    if not wanted:
        return {}
    ordered = sorted(wanted)
    fresh = [RollupNames(namespace=one, tenant=two, at=at, names="{}") for one, two, at in ordered]
    found = _read(ordered)
    if len(found) < len(ordered):
        RollupNames.objects.bulk_create(fresh, ignore_conflicts=True)
        found = _read(ordered)
    return found


def _read(wanted: list[Whose]) -> dict[Whose, _Day]:
    namespaces, tenants, days = (list(set(names)) for names in zip(*wanted, strict=True))
    rows = RollupNames.objects.select_for_update().filter(
        namespace__in=namespaces, tenant__in=tenants, at__in=days
    )
    columns = ("namespace", "tenant", "at", "names")
    stored = rows.order_by("namespace", "tenant", "at").values_list(*columns)
    among = set(wanted)
    return {
        (namespace, tenant, at): _Day(msgspec.json.decode(text, type=dict[str, set[Name]]))
        for namespace, tenant, at, text in stored
        if (namespace, tenant, at) in among
    }


def _store(days: dict[Whose, _Day]) -> None:
    for (namespace, tenant, at), day in days.items():
        if day.grown:
            text = msgspec.json.encode(day.known).decode()
            RollupNames.objects.filter(namespace=namespace, tenant=tenant, at=at).update(names=text)
