"""Loading: read, check, assess and apply in one transaction, or refuse with every reason."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.config_files.apply import apply_changes, lock_rows
from acteon_site.config_files.assess import Assessment, Terms, assess
from acteon_site.config_files.checking import Checked, check_entries
from acteon_site.config_files.checks import short_name
from acteon_site.config_files.kind import KINDS, Ownership, publisher
from acteon_site.config_files.plan import Change, What
from acteon_site.config_files.problems import FileProblem, LoadRefused, distinct
from acteon_site.config_files.reading import Reading, read_paths


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did, or with `dry_run` would do. `rule_set` is the version then in force."""

    source: str
    changes: tuple[Change, ...]
    warnings: tuple[FileProblem, ...] = ()
    skipped: tuple[FileProblem, ...] = ()
    dry_run: bool = False
    rule_set: int | None = None

    @property
    def changed(self) -> bool:
        return any(change.what is not What.KEPT for change in self.changes)

    def count(self, what: What, section: str | None = None) -> int:
        return sum(change.what is what and section in (None, change.section) for change in self.changes)


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a load reaches: the sections that it reads, and those in which it removes what the files lack.

    `sections` None: all. `prune` None: all of them where a directory or a TOML file was named, else none.
    With `inside`, nothing outside that directory is read.
    """

    sections: Collection[str] | None = None
    prune: Collection[str] | None = None
    inside: Path | None = None


EVERYTHING = Scope()


def load_paths(
    paths: Sequence[Path | str],
    *,
    actor: str,
    source: str | None = None,
    force: bool = False,
    dry_run: bool = False,
    scope: Scope = EVERYTHING,
) -> LoadReport:
    """Load files and directories for the source that owns what they say (default: the directory's name).

    A directory or a TOML file is the whole of its source: rows of it that they lack are removed. YAML files
    named one by one only add and change. Raises LoadRefused with every problem found, changing nothing.
    """
    files = [Path(path) for path in paths]
    ownership = Ownership(_named(source) or source_of(files), actor)
    reading = read_paths(files, inside=scope.inside)
    sections = scope.sections if scope.sections is not None else KINDS.keys()
    checked = check_entries(entry for entry in reading.entries if entry.section in sections)
    _refuse_nothing(reading, checked, files)
    prune = scope.prune if scope.prune is not None else sections if reading.whole else ()
    terms = Terms(ownership.source, prune, force)
    found, changes, rule_set = _apply(reading, checked, terms, ownership, dry_run)
    warnings = (*reading.warnings, *checked.warnings, *found.overlooked())
    return LoadReport(ownership.source, tuple(changes), warnings, tuple(reading.skipped), dry_run, rule_set)


@retry_on_deadlock
def _apply(
    reading: Reading, checked: Checked, terms: Terms, ownership: Ownership, dry_run: bool
) -> tuple[Assessment, list[Change], int]:
    with transaction.atomic():
        rows = lock_rows()
        found = assess(checked, rows, terms)
        problems = distinct([*reading.problems, *checked.problems, *found.problems])
        if problems:
            only_conflicts = found.only_conflicts and len(problems) == len(found.problems)
            raise LoadRefused(problems, only_conflicts=only_conflicts)
        applied = apply_changes(found.changes, checked, rows, ownership)
        if dry_run:
            transaction.set_rollback(True)
    return found, *applied


def is_loaded() -> bool:
    """Whether any configuration was ever put in force."""
    return publisher().newest() is not None


def source_of(paths: Sequence[Path]) -> str:
    """The name of the directory named, or that of the files; the same wherever the tree lies."""
    names = {(path if path.is_dir() else path.parent).resolve().name for path in paths}
    if len(names) != 1 or "" in names:
        message = "these paths lie in several directories: name the source with --source"
        raise LoadRefused([FileProblem("", message)])
    return names.pop()


def _named(source: str | None) -> str | None:
    problem = None if source is None else short_name(source)
    if problem:
        raise LoadRefused([FileProblem("source", problem)])
    return source


def _refuse_nothing(reading: Reading, checked: Checked, paths: Sequence[Path]) -> None:
    """An empty directory is a mistake (a wrong path, a failed checkout) and must not remove a pipeline."""
    if not reading.problems and checked.empty:
        shown = ", ".join(path.name or str(path) for path in paths)
        raise LoadRefused([FileProblem("", "holds no configuration to load", shown)])
