"""The subcommands of `manage.py pipeline`: each does its work through a client and answers the exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from acteon_site.base.terminal import clock_time, table
from acteon_site.client import lifecycle, resources
from acteon_site.client.errors import EXIT_DIFFERENT
from acteon_site.client.http import GatewayClient
from acteon_site.client.live import stream_orders as stream_live
from acteon_site.client.live import three_orders
from acteon_site.client.outcomes import Outcome
from acteon_site.client.report import footer
from acteon_site.client.report import report as report_tables
from acteon_site.client.samples import sample_orders
from acteon_site.client.sending import Patience, send_all
from acteon_site.client.sse import StreamEvent
from acteon_site.client.tables import counts_line, print_approval_links, sent_table

Options = Mapping[str, Any]
Command = Callable[[GatewayClient, Console, Options], int]


def new_run_id() -> str:
    """Different for every run: the second in UTC."""
    return datetime.now(UTC).strftime("%y%m%d-%H%M%S")


def scope_of(options: Options) -> tuple[str, str]:
    """The namespace and tenant of the command line, or the guide's."""
    return options["namespace"] or "ecommerce", options["tenant"] or "acme-store"


def given_scope(options: Options) -> dict[str, str]:
    """What the command line says of them, and nothing where it says nothing."""
    return {name: options[name] for name in ("namespace", "tenant") if options[name]}


def patience_of(console: Console, max_wait: float) -> Patience:
    return Patience(max_wait, lambda text: console.print(text, markup=False))


def setup(client: GatewayClient, console: Console, options: Options) -> int:
    _show_changes(console, "Set up", resources.setup(client, *scope_of(options)))
    return 0


def teardown(client: GatewayClient, console: Console, options: Options) -> int:
    changes = resources.teardown(client, *scope_of(options))
    if changes:
        _show_changes(console, "Torn down", changes)
    else:
        console.print("Nothing to delete: setup has made nothing here.")
    return 0


def _show_changes(console: Console, title: str, changes: list[resources.Change]) -> None:
    console.print(table(title, ("what", "done", "id"), ((c.what, c.done, c.id) for c in changes)))


def send_orders(client: GatewayClient, console: Console, options: Options) -> int:
    run = options["run_id"] or new_run_id()
    samples = sample_orders(
        options["orders"], run, scope=given_scope(options), real_clock=options["real_clock"]
    )
    sent = send_all(client, samples, patience_of(console, options["max_wait"]))
    console.print(sent_table(sent))
    console.print(counts_line(sent), markup=False)
    print_approval_links(console, sent)
    return 0 if all(item.as_expected for item in sent) else EXIT_DIFFERENT


def manage_order(client: GatewayClient, console: Console, options: Options) -> int:
    order_id = options["order_id"] or f"ORD-LC-{new_run_id()}"
    patience = patience_of(console, options["max_wait"])
    managed = lifecycle.manage_order(
        client, order_id, *scope_of(options), patience, real_clock=options["real_clock"]
    )
    console.print(f"Order {order_id}: {managed.outcome.kind}, chain {managed.outcome.chain_id}", markup=False)
    rows = (
        (move.to, move.answer, "moved" if move.allowed else "refused, as it must be")
        for move in managed.moves
    )
    console.print(table("Moves", ("to", "answer", ""), rows))
    history = ((clock_time(h["at"]), h["from"], h["to"], h["actor"]) for h in managed.order["history"])
    console.print(table("History", ("at", "from", "to", "by"), history))
    console.print(f"Now: {managed.order['state']}", markup=False)
    return 0


def stream_orders(client: GatewayClient, console: Console, options: Options) -> int:
    def show_sent(order_id: str, outcome: Outcome) -> None:
        console.print(f"→ sent {order_id}: {outcome.kind}", markup=False)

    def show_event(event: StreamEvent) -> None:
        console.print(_event_line(event), markup=False)

    console.print("Listening, and sending three orders ...", markup=False)
    count = stream_live(
        client,
        three_orders(new_run_id(), *scope_of(options)),
        patience_of(console, options["max_wait"]),
        seconds=options["seconds"],
        real_clock=options["real_clock"],
        show_sent=show_sent,
        show_event=show_event,
    )
    console.print(f"{count} events", markup=False)
    return 0 if count else EXIT_DIFFERENT


def _event_line(event: StreamEvent) -> str:
    shared = {"id", "timestamp", "type", "namespace", "tenant"}
    rest = "  ".join(f"{key}={value}" for key, value in event.data.items() if key not in shared)
    return f"← #{event.id} {clock_time(event.data['timestamp'])} {event.type}  {rest}"


def report(client: GatewayClient, console: Console, options: Options) -> int:
    for shown in report_tables(client, *scope_of(options)):
        console.print(shown)
    console.print(footer(client.url), markup=False)
    return 0


COMMANDS: Mapping[str, Command] = {
    "setup": setup,
    "send-orders": send_orders,
    "manage-order": manage_order,
    "stream-orders": stream_orders,
    "report": report,
    "teardown": teardown,
}
