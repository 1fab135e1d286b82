"""Every entry checked by its kind, before anyone looks at the database's rows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from acteon_site.config_files.documents import Entry
from acteon_site.config_files.kind import KINDS, Identity, Kind, Spec
from acteon_site.config_files.problems import FileProblem


@dataclass(frozen=True, slots=True)
class Valid:
    """A valid entry with its canonical spec."""

    entry: Entry
    spec: Spec


@dataclass(slots=True)
class Checked:
    """The valid entries by section and identity, and the names of those that are not valid."""

    entries: dict[str, dict[Identity, Valid]] = field(
        default_factory=lambda: {section: {} for section in KINDS}
    )
    broken: set[tuple[str, Identity]] = field(default_factory=set)
    problems: list[FileProblem] = field(default_factory=list)
    warnings: list[FileProblem] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not self.broken and not any(self.entries.values())


def check_entries(entries: Iterable[Entry]) -> Checked:
    """Of two entries with one name the second is a problem."""
    checked = Checked()
    for entry in entries:
        _check(KINDS[entry.section], entry, checked)
    return checked


def _check(kind: Kind, entry: Entry, checked: Checked) -> None:
    identity = kind.identity(entry.spec)
    name = kind.label(identity)
    spec, found = kind.resolve(entry.spec, os.environ)
    found = [*found, *kind.validate(spec)] if found else kind.check(spec)
    first = checked.entries[kind.section].get(identity)
    if found:
        checked.broken.add((kind.section, identity))
        checked.problems += [entry.locate(problem, kind=kind.title, name=name) for problem in found]
    elif first:
        message = f"stands twice (first at {first.entry.document.file}:{first.entry.line})"
        checked.problems.append(FileProblem("", message, entry.document.file, entry.line, kind.title, name))
    else:
        checked.entries[kind.section][identity] = Valid(entry, kind.canonical(spec))
        checked.warnings += [entry.locate(hint, kind=kind.title, name=name) for hint in kind.advise(spec)]
