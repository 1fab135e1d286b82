"""Writing what a load comes to. Runs inside load's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acteon_site.base import stamps
from acteon_site.base.errors import AppError, FieldProblem
from acteon_site.config_files.assess import Rows
from acteon_site.config_files.checking import Checked
from acteon_site.config_files.kinds import KINDS
from acteon_site.config_files.kinds.base import Identity, Ownership, put
from acteon_site.config_files.plan import GONE, Change, What
from acteon_site.config_files.problems import FileProblem, LoadRefused
from chains_app.services.providers import configuration_lock
from rules_app.models import RuleSetVersion
from rules_app.services.rule_sets import rule_set_publish, rules_lock

LOAD_LOCK = "load"
PUBLISHED = ("rules", "settings")


def lock_rows() -> Rows:
    """Every row that files can speak of, locked until the transaction ends.

    Stamps come first, as in every change of configuration, then what every edit of rules takes first, then
    rows by name. Orders placed meanwhile are not held up (no_key).
    """
    stamps.touch(LOAD_LOCK)
    configuration_lock()
    rules_lock()
    return {section: _locked(section) for section in reversed(list(KINDS))}


def _locked(section: str) -> dict[Identity, Any]:
    kind = KINDS[section]
    rows = kind.rows().order_by(*kind.key or ("pk",)).select_for_update(of=("self",), no_key=True)
    return {kind.identity(kind.to_spec(row)): row for row in rows}


def apply_changes(
    changes: Iterable[Change], checked: Checked, rows: Rows, ownership: Ownership
) -> tuple[list[Change], int | None]:
    """Write the changes: removals first, so that a name or a trigger is free for its successor.

    Returns what really changed or stayed, and the number of the rule set in force.
    """
    told = [change for change in changes if not _retired_before(change, rows)]
    for change in reversed(told):
        if change.what in GONE:
            _take_away(change, rows)
    for change in told:
        if change.what not in GONE:
            _write(change, checked, rows, ownership)
    moved = {change.section for change in told if change.what is not What.KEPT}
    # Publishing tells of rules itself.
    for area in sorted({KINDS[section].area for section in moved} - {"", stamps.RULES}):
        stamps.touch(area)
    return told, _rule_set(bool(moved.intersection(PUBLISHED)), ownership)


def _retired_before(change: Change, rows: Rows) -> bool:
    """Disabled by an earlier load already, and still in use."""
    if change.what is not What.DISABLED:
        return False
    row = rows[change.section][change.identity]
    return not row.loaded_digest and not row.enabled


def _take_away(change: Change, rows: Rows) -> None:
    kind, row = KINDS[change.section], rows[change.section][change.identity]
    (kind.remove if change.what is What.REMOVED else kind.disable)(row)


def _write(change: Change, checked: Checked, rows: Rows, ownership: Ownership) -> None:
    kind = KINDS[change.section]
    spec = checked.entries[change.section][change.identity].spec
    row = rows[change.section].get(change.identity)
    if change.what is not What.KEPT:
        kind.write(row, spec, ownership)
    elif row and row.source == ownership.source and row.loaded_digest != kind.digest(spec):
        put(row, kind.owned(spec, ownership))  # a person's edit that the files have caught up with


def _rule_set(moved: bool, ownership: Ownership) -> int | None:
    """The version in force afterwards. Publishing checks the whole set, people's rules included."""
    newest = RuleSetVersion.objects.order_by("-number").values_list("number", flat=True).first()
    if newest is not None and not moved:
        return newest
    try:
        return rule_set_publish(cause=f"loaded {ownership.source}"[:200], actor=ownership.actor).number
    except AppError as error:
        found = error.details or [FieldProblem("", error.message)]
        raise LoadRefused(
            [FileProblem(p.field, p.message, ownership.source, kind="rules") for p in found]
        ) from error
