"""Lines of CSV that no spreadsheet calculates."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

# What a spreadsheet would take for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_line(cells: Iterable[object]) -> str:
    """One line of an export. A text that a spreadsheet would calculate is guarded by an apostrophe; numbers are not."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(map(_guarded, cells))
    return buffer.getvalue()


def unguarded(cell: str) -> str:
    """What stood there before."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*FORMULA, "'")) else cell


def _guarded(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith((*FORMULA, "'")) else cell
