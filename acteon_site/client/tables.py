"""What became of orders that were sent, as tables and lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from acteon_site.base.terminal import cell_text, clock_time, table
from acteon_site.client.sending import CHAIN_OVER, Sent

STEP_MARKS = {"completed": "✓", "failed": "✗", "skipped": "-", "running": "…", "pending": "·"}


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
        case "Silenced":
            return f"not sent: silence {data['silence_id']}"
        case "Muted":
            return f"not sent: time interval {data['interval']}"
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
