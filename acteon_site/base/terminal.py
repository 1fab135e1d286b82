"""How results look on a terminal, and in a file or pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

PIPE_WIDTH = 200


def console_for(out: IO[str]) -> Console:
    """A console that writes to `out`, as wide as the terminal, or wide enough where it is none."""
    console = Console(file=out, highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(file=out, highlight=False, width=PIPE_WIDTH)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    made = Table(title=escape(title), title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(cell_text(cell) for cell in row))
    return made


def cell_text(cell: Any) -> str:
    """Text for a cell; whatever an answer holds is shown, never read as markup."""
    return "-" if cell is None or cell == "" else escape(str(cell))


def clock_time(moment: str) -> str:
    """HH:MM:SS UTC of an RFC 3339 time."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%H:%M:%S UTC")
