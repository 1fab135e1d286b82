"""What a load would do, decided from the files and the rows as they stand. Pure: no database, no clock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

Identity = tuple[str, ...]
# How a secret begins in the specs that are compared.
HIDDEN = "keyed:"
Spec = Mapping[str, Any]


class What(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    DISABLED = "disabled"  # not in the files any more, but in use: out of force and kept
    KEPT = "unchanged"
    CONFLICT = "conflict"  # a person edited the loaded row since; --force overwrites it
    CLASH = "clash"  # the name belongs to a person or to another source
    IN_USE = "in use"  # not in the files any more, and removing it now would do harm


GONE = frozenset((What.REMOVED, What.DISABLED))
BLOCKING = frozenset((What.CONFLICT, What.CLASH, What.IN_USE))


@dataclass(frozen=True, slots=True)
class Wanted:
    """One entry of the files. `digest` is its content's, as `Held.digest` is the row's."""

    identity: Identity
    spec: Spec
    digest: str


@dataclass(frozen=True, slots=True)
class Held:
    """A row as it stands. `kept` are fields that a person switched, which a load leaves alone."""

    identity: Identity
    spec: Spec
    digest: str
    source: str = ""
    loaded_digest: str = ""
    edited_by: str = ""
    edited_at: datetime | None = None
    kept: tuple[str, ...] = ()

    @property
    def retired(self) -> bool:
        """Disabled by an earlier load because it was still in use."""
        return bool(self.source) and not self.loaded_digest

    @property
    def edited(self) -> bool:
        return bool(self.loaded_digest) and self.digest != self.loaded_digest


@dataclass(frozen=True, slots=True)
class Difference:
    """A top-level field in which file and row differ."""

    name: str
    old: Any
    new: Any

    def __str__(self) -> str:
        """`priority 10 → 12`; the name alone where a value is long, composed or a secret."""
        shown = [_shown(self.old), _shown(self.new)]
        return self.name if None in shown else f"{self.name} {shown[0]} → {shown[1]}"


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one row. `fields` tells what differs, `note` why it is not simply done."""

    section: str
    identity: Identity
    what: What
    fields: tuple[Difference, ...] = ()
    note: str = ""


def plan_section(
    section: str, wanted: Iterable[Wanted], held: Iterable[Held], *, source: str, prune: bool, force: bool
) -> list[Change]:
    """One change for every entry of the files and every row that the load owns, in order of identity."""
    rows = {row.identity: row for row in held}
    entries = {entry.identity: entry for entry in wanted}
    changes = [
        _entry_change(section, entry, rows.get(entry.identity), source, force) for entry in entries.values()
    ]
    if prune:
        owned = [row for row in rows.values() if row.source == source and row.identity not in entries]
        changes += [_removal(section, row, force) for row in owned]
    return sorted(changes, key=lambda change: change.identity)


def _entry_change(section: str, entry: Wanted, row: Held | None, source: str, force: bool) -> Change:
    if row is None:
        return Change(section, entry.identity, What.ADDED)
    fields = differing(entry.spec, row)
    if row.source != source:
        # Equal content is no clash: the row says the same and stays whose it is.
        what = What.CLASH if fields else What.KEPT
        return Change(section, entry.identity, what, fields, _owner(row) if fields else "")
    if not fields and entry.digest == row.loaded_digest:
        return Change(section, entry.identity, What.KEPT, note=_kept_note(entry.spec, row))
    if fields and row.edited and not force:
        return Change(section, entry.identity, What.CONFLICT, fields, edit_text(row))
    note = f"overwrites what was {edit_text(row)}" if fields and row.edited else _kept_note(entry.spec, row)
    return Change(section, entry.identity, What.CHANGED if fields else What.KEPT, fields, note)


def _removal(section: str, row: Held, force: bool) -> Change:
    if row.edited and not force:
        return Change(
            section, row.identity, What.CONFLICT, note=f"not in the files any more, but {edit_text(row)}"
        )
    return Change(section, row.identity, What.REMOVED)


def differing(spec: Spec, row: Held) -> tuple[Difference, ...]:
    """Where file and row differ, leaving out what a person switched."""
    names = [*spec, *(name for name in row.spec if name not in spec)]
    return tuple(
        Difference(name, row.spec.get(name), spec.get(name))
        for name in names
        if name not in row.kept and not _same(spec.get(name), row.spec.get(name))
    )


def _shown(value: Any) -> str | None:
    if value is None:
        return "(default)"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str | int | float) else ""
    return text if 0 < len(text) <= 40 and HIDDEN not in text else None


def _same(one: Any, other: Any) -> bool:
    # As JSON: to Python, true and 1 are equal.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def edit_text(row: Held) -> str:
    """`edited by maria at 2026-03-10 15:04 UTC since it was loaded`."""
    by = f" by {row.edited_by}" if row.edited_by else " by an unnamed editor"
    at = f" at {row.edited_at:%Y-%m-%d %H:%M} UTC" if row.edited_at else ""
    return f"edited{by}{at} since it was loaded"


def _owner(row: Held) -> str:
    if row.source:
        return f"belongs to the source {row.source!r}"
    return f"was made by {row.edited_by}" if row.edited_by else "was made by hand"


def _kept_note(spec: Spec, row: Held) -> str:
    switched = [name for name in row.kept if spec.get(name) != row.spec.get(name)]
    return f"{', '.join(switched)} stays as a person set it" if switched else ""
