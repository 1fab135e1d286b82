"""Writing what a load comes to. Runs inside load's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acteon_site.base import config_versions
from acteon_site.base.errors import AppError, FieldProblem
from acteon_site.config_files.assess import Rows
from acteon_site.config_files.checking import Checked
from acteon_site.config_files.kind import KINDS, Identity, Ownership, publisher, put
from acteon_site.config_files.plan import GONE, Change, What
from acteon_site.config_files.problems import FileProblem, LoadRefused

LOAD_LOCK = "load"


def lock_rows() -> Rows:
    """Every row that files can speak of, locked until the transaction ends.

    Versions of areas come first, as in every change of configuration, then the locks that kinds have of their
    own, then rows by name. Orders placed meanwhile are not held up (no_key).
    """
    config_versions.touch(LOAD_LOCK)
    for kind in KINDS.values():
        kind.lock()
    return {section: _locked(section) for section in reversed(list(KINDS))}


def _locked(section: str) -> dict[Identity, Any]:
    kind = KINDS[section]
    rows = kind.rows().order_by(*kind.key or ("pk",)).select_for_update(of=("self",), no_key=True)
    return {kind.identity(kind.to_spec(row)): row for row in rows}


def apply_changes(
    changes: Iterable[Change], checked: Checked, rows: Rows, ownership: Ownership
) -> tuple[list[Change], int]:
    """Write the changes: removals first, so that a name or a trigger is free for its successor.

    Returns what really changed or stayed, and the number of the version in force.
    """
    reported = [change for change in changes if not _retired_before(change, rows)]
    for change in reversed(reported):
        if change.what in GONE:
            _take_away(change, rows, ownership)
    for change in reported:
        if change.what not in GONE:
            _write(change, checked, rows, ownership)
    moved = {change.section for change in reported if change.what is not What.KEPT}
    for area in sorted({KINDS[section].area for section in moved} - {""}):
        config_versions.touch(area)
    return reported, _in_force(any(KINDS[section].publisher for section in moved), ownership)


def _retired_before(change: Change, rows: Rows) -> bool:
    """Disabled by an earlier load already, and still in use."""
    if change.what is not What.DISABLED:
        return False
    row = rows[change.section][change.identity]
    return not row.loaded_digest and not row.enabled


def _take_away(change: Change, rows: Rows, ownership: Ownership) -> None:
    kind, row = KINDS[change.section], rows[change.section][change.identity]
    before = kind.to_spec(row) if kind.tells else None
    (kind.remove if change.what is What.REMOVED else kind.disable)(row)
    if kind.tells:
        kind.tell(before, None if change.what is What.REMOVED else kind.to_spec(row), ownership)


def _write(change: Change, checked: Checked, rows: Rows, ownership: Ownership) -> None:
    kind = KINDS[change.section]
    spec = checked.entries[change.section][change.identity].spec
    row = rows[change.section].get(change.identity)
    if change.what is not What.KEPT:
        before = kind.to_spec(row) if kind.tells and row else None
        written = kind.write(row, spec, ownership)
        if kind.tells:
            kind.tell(before, kind.to_spec(written), ownership)
    elif row and row.source == ownership.source and row.loaded_digest != kind.digest(spec):
        put(row, kind.owned(spec, ownership))  # a person's edit that the files have caught up with


def _in_force(moved: bool, ownership: Ownership) -> int:
    """The version in force afterwards. Publishing checks all rows together, those that people made included."""
    newest = publisher().newest()
    if newest is not None and not moved:
        return newest
    try:
        return publisher().publish(cause=f"loaded {ownership.source}", actor=ownership.actor)
    except AppError as error:
        found = error.details or [FieldProblem("", error.message)]
        title = publisher().title
        raise LoadRefused(
            [FileProblem(p.field, p.message, ownership.source, kind=title) for p in found]
        ) from error
