"""The table of a result: on the terminal, and between the markers of bench/README.md."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.results import HEADINGS, Result, remarks, table
from bench.rows import ROWS

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
BETWEEN = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.S)


def show(result: Result, console: Console) -> None:
    shown = Table(*HEADINGS, title=headline(result), title_justify="left")
    for line in table(result, ROWS.values()):
        shown.add_row(*line.cells(), end_section=False)
    console.print(shown)
    for remark in remarks(result):
        console.print(remark, markup=False)


def headline(result: Result) -> str:
    machine = result.machine
    compared = ", ".join(f"{name} {commit}" for name, commit in result.checkouts.items())
    return (
        f"{result.date}: {compared}; medians of {result.rounds} rounds of {result.seconds:g} s;"
        f" {machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB, load {machine['load']} before,"
        f" PostgreSQL {machine['postgresql']}, Python {machine['python']}"
    )


def markdown(result: Result) -> str:
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(line.cells() for line in table(result, ROWS.values()))]
    rows = "\n".join(_row(cells) for cells in lines)
    said = "".join(f"- {_plain(remark)}\n" for remark in remarks(result))
    return f"{headline(result)}.\n\n{rows}\n" + (f"\n{said}" if said else "")


def with_table(readme: str, result: Result) -> str:
    """The document with the result's table in the place of its last one."""
    if not BETWEEN.search(readme):
        raise ValueError(f"no {BEGIN} … {END} in it")
    return BETWEEN.sub(lambda _: f"{BEGIN}\n{markdown(result)}{END}", readme)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
