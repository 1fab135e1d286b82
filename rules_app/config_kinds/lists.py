"""`lists`: what rules ask by name. A file owns a list, and what it holds where it says so; else people fill it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.digest import canonical_json, keyed_hash
from acteon_site.base.errors import FieldProblem
from acteon_site.base.source import Source
from acteon_site.config_files.kind import Identity, Kind, Misfit, Ownership, Spec, World, put
from acteon_site.config_files.plan import HIDDEN
from rules_app.engine.named_lists import ALL, lists_named, normalised, uncovered
from rules_app.lists.stored import entries_in_clear
from rules_app.lists.texts import entry_spec, parse_entry
from rules_app.models import NamedList
from rules_app.services.list_entries import entries_own, list_rematch
from rules_app.services.lists import DEFAULTS, list_noted, list_problems, lists_lock

ENTRIES = "entries"
# What a file may say of a list; more is imported.
MOST_IN_FILES = 10_000
LOADED = "load"


class NamedLists(Kind):
    section = "lists"
    title = "list"
    file = "lists.yaml"
    area = config_versions.LISTS
    key = ("name", "namespace", "tenant")
    defaults = DEFAULTS
    # A list that rules ask is not taken away from under them.
    disables = False

    def rows(self) -> QuerySet[NamedList]:
        return NamedList.objects.all()

    def label(self, identity: Identity) -> str:
        name, namespace, tenant = identity
        return name if namespace == tenant == ALL else f"{name} ({namespace}/{tenant})"

    def validate(self, spec: Any) -> list[FieldProblem]:
        facts = {name: value for name, value in spec.items() if name != ENTRIES}
        problems = list_problems(facts)
        return problems + (list(_entry_problems(spec)) if ENTRIES in spec else [])

    def canonical(self, spec: Spec) -> Spec:
        """Entries in the order of their values, so that their order in the file says nothing."""
        found = super().canonical({name: value for name, value in spec.items() if name != ENTRIES})
        if ENTRIES in spec:
            entries = [entry for one in spec[ENTRIES] if (entry := parse_entry(one)[0])]
            found[ENTRIES] = [entry_spec(one) for one in sorted(entries, key=lambda one: one.value)]
        return {name: value for name, value in found.items() if name == "name" or value != DEFAULTS.get(name)}

    def to_spec(self, row: NamedList) -> Spec:
        facts = {name: getattr(row, name) for name in ("name", *DEFAULTS)}
        held = {ENTRIES: [entry_spec(one) for one in entries_in_clear(row)]} if row.holds_from_file else {}
        return self.canonical({**facts, **held})

    def compared(self, spec: Spec) -> Spec:
        if ENTRIES not in spec:
            return spec
        return {**spec, ENTRIES: f"{HIDDEN}{keyed_hash('entries', canonical_json(spec[ENTRIES]))[:32]}"}

    def columns(self, spec: Spec) -> dict[str, Any]:
        facts = {name: value for name, value in spec.items() if name != ENTRIES}
        return {**super().columns(facts), "holds_from_file": ENTRIES in spec}

    def write(self, row: NamedList | None, spec: Spec, ownership: Ownership) -> NamedList:
        number, source = lists_lock(), Source(ownership.actor, LOADED, "")
        columns = self.columns(spec) | self.owned(spec, ownership)
        if row is None:
            row = NamedList.objects.create(**columns, created_in=number)
            list_noted(row, source, "loaded")
        else:
            matching = columns.pop("matching")
            put(row, columns)
            if row.matching != matching:
                list_rematch(row=row, matching=matching, source=source)
        if ENTRIES in spec:
            entries = [entry for one in spec[ENTRIES] if (entry := parse_entry(one)[0])]
            entries_own(row=row, entries=entries, source=source)
            put(row, self.owned(spec, ownership))  # what was just written is no edit
        return row

    def remove(self, row: NamedList) -> None:
        lists_lock()
        list_noted(row, Source(row.source, LOADED, ""), "deleted", removed=row.size)
        row.delete()

    def cross_check(self, world: World) -> Iterable[Misfit]:
        """Every rule must find the lists that it names, wherever it is asked."""
        known = {(name, namespace, tenant) for name, namespace, tenant in map(_whole, world[self.section])}
        for identity, spec in world["rules"].items():
            if any(lists_named(spec.get("condition"))):
                for place, problem in uncovered(spec, known):
                    yield "rules", identity, FieldProblem(place, problem)


def _whole(identity: tuple[str, ...]) -> tuple[str, str, str]:
    name, namespace, tenant = identity
    return name, namespace, tenant


def _entry_problems(spec: Mapping[str, Any]) -> Iterator[FieldProblem]:
    entries = spec[ENTRIES]
    if not isinstance(entries, list):
        yield FieldProblem(ENTRIES, "must be a list of values, each text or an object with value")
        return
    if len(entries) > MOST_IN_FILES:
        yield FieldProblem(ENTRIES, f"must be at most {MOST_IN_FILES:,}; import longer lists instead")
        return
    seen: dict[str, int] = {}
    for index, one in enumerate(entries):
        place = f"{ENTRIES}[{index}]"
        entry, problems = parse_entry(one)
        yield from (FieldProblem(f"{place}.{name}".rstrip("."), text) for name, text in problems)
        if entry:
            form = normalised(entry.value, str(spec.get("matching", "")))
            first = seen.setdefault(form, index)
            if first != index:
                yield FieldProblem(place, f"stands twice (first as {ENTRIES}[{first}])")
