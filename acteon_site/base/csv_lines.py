"""Lines of CSV that no spreadsheet calculates."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

# What a spreadsheet would take for a formula, in the width of Latin letters and in that of Chinese ones.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_line(cells: Iterable[object]) -> str:
    """One line of an export. A text that a spreadsheet would calculate is guarded by an apostrophe; numbers are not."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(map(_guarded, cells))
    return buffer.getvalue()


def unguarded(cell: str) -> str:
    """What stood there before."""
    return cell[1:] if cell.startswith("'") and _needs_guard(cell[1:]) else cell


def _guarded(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and _needs_guard(cell) else cell


def _needs_guard(cell: str) -> bool:
    """Some strip the blanks before they look."""
    return cell.startswith(("'", "\t", "\r")) or cell.lstrip().startswith(_FORMULA)
