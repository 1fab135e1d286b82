"""How results look on a terminal, and in a file or pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from acteon_site.client.sending import CHAIN_OVER, Sent

PIPE_WIDTH = 200
STEP_MARKS = {"completed": "✓", "failed": "✗", "skipped": "-", "running": "…", "pending": "·"}


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


def sent_table(sent: Sequence[Sent]) -> Table:
    made = table("Sample orders", ("order", "expected", "actual", "", "rule", "what happened next"), ())
    for item in sent:
        style = "" if item.as_expected else "bold red"
        made.add_row(
            *map(cell_text, (item.sample.label, item.sample.expected, item.outcome.kind)),
            "ok" if item.as_expected else "DIFFERS",
            cell_text(item.rule),
            cell_text(what_next(item)),
            style=style,
        )
    return made


def what_next(item: Sent) -> str:
    data = item.outcome.data
    match item.outcome.kind:
        case "PendingApproval":
            told = "notified" if data.get("notification_sent") else "notification under way"
            return f"a manager decides until {clock_time(data['expires_at'])} (links below), {told}"
        case "Scheduled":
            return f"held, released at {clock_time(data['scheduled_for'])}"
        case "Executed" | "ChainStarted":
            return chain_line(item.chain) if item.chain else "the provider answered"
        case "Deduplicated":
            return "taken before: nothing more happens"
        case "Suppressed":
            return "refused: no provider was called"
        case "Failed" | "CircuitOpen" | "QuotaExceeded":
            return str(data.get("message") or dict(data))
    return ""


def chain_line(chain: dict[str, Any]) -> str:
    """The chain and its steps; a step that a branch has passed by is left out once the chain has ended."""
    over = chain["status"] in CHAIN_OVER
    path = chain["execution_path"]
    taken = (step for step in chain["steps"] if not over or step["name"] in path)
    steps = "  ".join(f"{STEP_MARKS.get(step['status'], '?')} {step['name']}" for step in taken)
    return f"chain {chain['chain_id']} {chain['status']}\n{steps}"


def print_approval_links(console: Console, sent: Iterable[Sent]) -> None:
    waiting = [item for item in sent if item.outcome.kind == "PendingApproval"]
    if not waiting:
        return
    console.print("\nApproval links (open one in a browser, or decide in the admin):")
    for item in waiting:
        for verb in ("approve", "reject"):
            console.print(
                f"  {item.sample.label} {verb}: {item.outcome.data.get(f'{verb}_url', '')}",
                soft_wrap=True,
                markup=False,
            )


def counts_line(sent: Sequence[Sent]) -> str:
    """One line per outcome kind, and whether all is as the guide says."""
    kinds: dict[str, int] = {}
    for item in sent:
        kinds[item.outcome.kind] = kinds.get(item.outcome.kind, 0) + 1
    differing = sum(not item.as_expected for item in sent)
    verdict = "all as expected" if not differing else f"{differing} NOT as expected"
    return (
        f"{len(sent)} orders: "
        + ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        + f" - {verdict}"
    )
