"""What loads and exports look like on a terminal."""

from __future__ import annotations

from rich.console import Console

from acteon_site.base.terminal import table
from acteon_site.config_files.export import ExportReport
from acteon_site.config_files.kind import KINDS
from acteon_site.config_files.load import LoadReport
from acteon_site.config_files.plan import Change, What
from acteon_site.config_files.problems import LoadRefused

COLUMNS = ("what", "kind", "name", "details")


def show_load(console: Console, report: LoadReport, *, everything: bool = False) -> None:
    """The changes (all rows with `everything`), warnings, and one line that sums up."""
    shown = [change for change in report.changes if everything or change.note or change.what is not What.KEPT]
    if shown:
        title = f"{report.source}: what would change" if report.dry_run else f"{report.source}: changes"
        console.print(table(title, COLUMNS, map(_row, shown)))
    for hint in report.skipped:
        console.print(f"note: {hint}", style="dim", markup=False, soft_wrap=True)
    for warning in report.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
    console.print(summary(report), markup=False, soft_wrap=True)


def _row(change: Change) -> tuple[str, str, str, str]:
    kind = KINDS[change.section]
    details = ", ".join(map(str, change.fields))
    return (
        change.what.value,
        kind.title,
        kind.label(change.identity),
        "; ".join(filter(None, (details, change.note))),
    )


def summary(report: LoadReport) -> str:
    """`ecommerce: 25 added, 1 changed; rule set version 3 is in force`."""
    counts = [f"{report.count(what)} {what.value}" for what in What if report.count(what)]
    text = f"{report.source}: {', '.join(counts) or 'nothing to do'}"
    if report.dry_run:
        return f"{text} (dry run: nothing was written)"
    return f"{text}; rule set version {report.rule_set} is in force"


def refusal_text(refused: LoadRefused) -> str:
    lines = [f"  {problem}" for problem in refused.problems]
    noun = "problem" if len(lines) == 1 else "problems"
    return "\n".join([f"Nothing was loaded, {len(lines)} {noun}:", *lines])


def show_export(console: Console, directory: str, report: ExportReport) -> None:
    rows = [
        (name, ", ".join(f"{count} {section.replace('_', ' ')}" for section, count in sections.items()))
        for name, sections in report.files.items()
    ]
    console.print(table(f"Exported to {directory}", ("file", "holds"), rows))
    if report.variables:
        console.print(
            "Set these in the environment before loading: " + ", ".join(report.variables), markup=False
        )
