"""What a load comes to, given the rows as they stand: its changes, and all that speaks against them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from acteon_site.config_files.checking import Checked
from acteon_site.config_files.kind import KINDS, Identity, Kind, Reference, Spec, World, plain_numbers
from acteon_site.config_files.plan import BLOCKING, GONE, Change, Held, Wanted, What, plan_section
from acteon_site.config_files.problems import FileProblem, did_you_mean

Rows = Mapping[str, Mapping[Identity, Any]]
Gone = Collection[tuple[str, Identity]]


@dataclass(frozen=True, slots=True)
class Terms:
    """On whose behalf a load runs and what it may do: `prune` names the sections in which it removes."""

    source: str
    prune: Collection[str]
    force: bool


@dataclass(frozen=True, slots=True)
class Assessment:
    """`overlooked` gives the warnings. Of a thousand rules that takes seconds: ask once no row is locked any more."""

    changes: tuple[Change, ...]
    problems: tuple[FileProblem, ...]
    overlooked: Callable[[], Iterable[FileProblem]]

    @property
    def only_conflicts(self) -> bool:
        """--force alone would let it through."""
        blocking = [change for change in self.changes if change.what in BLOCKING]
        return len(blocking) == len(self.problems) and all(c.what is What.CONFLICT for c in blocking)


def assess(checked: Checked, rows: Rows, terms: Terms) -> Assessment:
    return _Assessor(checked, rows, terms).run()


class _Assessor:
    def __init__(self, checked: Checked, rows: Rows, terms: Terms) -> None:
        self.checked, self.rows, self.terms = checked, rows, terms

    def run(self) -> Assessment:
        changes = [self._settled(change) for section in KINDS for change in self._planned(section)]
        gone = {(change.section, change.identity) for change in changes if change.what in GONE}
        world = {section: self._staying(section, gone) for section in KINDS}
        problems = [
            *self._reference_problems(world, gone),
            *(
                self._problem(section, identity, found.field, found.message)
                for kind in KINDS.values()
                for section, identity, found in kind.cross_check(world)
            ),
            *(self._blocked(change) for change in changes if change.what in BLOCKING),
        ]
        return Assessment(tuple(changes), tuple(problems), partial(self._overlooked, world))

    def _overlooked(self, world: World) -> Iterator[FileProblem]:
        """Said of what the files hold, never of what stands beside them."""
        for kind in KINDS.values():
            for section, identity, found in kind.overlooked(world):
                if identity in self.checked.entries[section]:
                    yield self._problem(section, identity, found.field, found.message)

    def _planned(self, section: str) -> Iterator[Change]:
        kind, terms = KINDS[section], self.terms
        planned = plan_section(
            section,
            [
                _wanted(kind, identity, valid.spec)
                for identity, valid in self.checked.entries[section].items()
            ],
            [_held(kind, identity, row) for identity, row in self.rows[section].items()],
            source=terms.source,
            prune=section in terms.prune,
            force=terms.force,
        )
        # What a broken entry names is in the files: it is not missing from them.
        yield from (change for change in planned if (section, change.identity) not in self.checked.broken)

    def _settled(self, change: Change) -> Change:
        """A removal of what is in use becomes a disabling, where the kind can be disabled."""
        kind = KINDS[change.section]
        if change.what is not What.REMOVED:
            return change
        reason = kind.in_use(self.rows[change.section][change.identity])
        what = What.DISABLED if kind.disables else What.IN_USE
        return replace(change, what=what, note=f"still in use: {reason}") if reason else change

    def _staying(self, section: str, gone: Gone) -> dict[Identity, Spec]:
        """What the section will hold after the load."""
        kind = KINDS[section]
        rows = self.rows[section].items()
        kept = {identity: kind.to_spec(row) for identity, row in rows if (section, identity) not in gone}
        return kept | {identity: valid.spec for identity, valid in self.checked.entries[section].items()}

    def _reference_problems(self, world: World, gone: Gone) -> Iterator[FileProblem]:
        for section, kind in KINDS.items():
            for identity, spec in world[section].items():
                for ref in kind.references(spec):
                    known = ref.identity in world[ref.section]
                    if not known and (ref.section, ref.identity) not in self.checked.broken:
                        yield from self._missing(kind, identity, ref, world, gone)

    def _missing(
        self, kind: Kind, identity: Identity, ref: Reference, world: World, gone: Gone
    ) -> Iterator[FileProblem]:
        """For an entry of the files that names what is not there, or a row whose neighbour this load removes."""
        target = KINDS[ref.section]
        if identity in self.checked.entries[kind.section]:
            name = target.label(ref.identity)
            known = [target.label(other) for other in world[ref.section]]
            message = f'no {target.title} is called "{name}"{did_you_mean(name, known)}'
            yield self._problem(kind.section, identity, ref.field, message)
        elif (ref.section, ref.identity) in gone:
            user = f'{kind.title} "{kind.label(identity)}"'
            message = f"is not in the files any more, but {user} names it; change that first"
            yield self._problem(ref.section, ref.identity, "", message)

    def _blocked(self, change: Change) -> FileProblem:
        differs = f"; differs in {', '.join(map(str, change.fields))}" if change.fields else ""
        advice = {
            What.CONFLICT: "; --force overwrites the edit",
            What.CLASH: "; rename one of them, or remove the other first",
            What.IN_USE: "; keep it in the files until it is not",
        }[change.what]
        return self._problem(change.section, change.identity, "", f"{change.note}{differs}{advice}")

    def _problem(self, section: str, identity: Identity, field_name: str, message: str) -> FileProblem:
        """At the entry's place where the files hold it, else under the source's name."""
        kind = KINDS[section]
        name = kind.label(identity)
        problem = FileProblem(field_name, message, self.terms.source, 0, kind.title, name)
        found = self.checked.entries[section].get(identity)
        return found.entry.locate(problem, kind=kind.title, name=name) if found else problem


def _wanted(kind: Kind, identity: Identity, spec: Spec) -> Wanted:
    return Wanted(identity, plain_numbers(kind.compared(spec)), kind.digest(spec))


def _held(kind: Kind, identity: Identity, row: Any) -> Held:
    spec = kind.to_spec(row)
    return Held(
        identity,
        plain_numbers(kind.compared(spec)),
        kind.digest(spec),
        row.source,
        row.loaded_digest,
        row.edited_by,
        row.edited_at,
        kind.kept(row),
    )
