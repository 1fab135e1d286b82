"""The demo's conversation with its gateway: set up, send, show, and watch the releases."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from acteon_site.client import resources
from acteon_site.client.cli import new_run_id, patience_of
from acteon_site.client.errors import ClientError
from acteon_site.client.http import GatewayClient
from acteon_site.client.samples import sample_orders
from acteon_site.client.sending import CHAIN_OVER, Sent, send_all
from acteon_site.client.tables import chain_line, counts_line, print_approval_links, sent_table

READY_SECONDS = 30
READY_POLL_SECONDS = 0.5
# A release is due within 2 s of its time, but where the throttle is full it waits its turn for a window more.
RELEASE_SECONDS = 90


def wait_until_ready(client: GatewayClient) -> None:
    """Raises ClientError where database, broker and worker do not all answer in time."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        state = client.call("GET", "/ready", accept=(503,))
        if state.get("status") == "ready":
            return
        if time.monotonic() >= deadline:
            raise ClientError(f"{client.url} is not ready after {READY_SECONDS} s: {state}")
        time.sleep(READY_POLL_SECONDS)


def send_samples(
    client: GatewayClient, console: Console, orders: Path, *, real_clock: bool, max_wait: float
) -> list[Sent]:
    """One run of the sample orders with ids of its own, shown as a table. Raises ClientError."""
    run = new_run_id()
    samples = sample_orders(orders, run, real_clock=real_clock)
    first = samples[0].action
    resources.setup(client, first["namespace"], first["tenant"])
    clock = "by the real hour" if real_clock else "by the demo clock, so that every rule shows at any hour"
    console.print(f"\nSending {len(samples)} sample orders, run {run}, {clock}.", markup=False)
    sent = send_all(client, samples, patience_of(console, max_wait))
    console.print(sent_table(sent))
    console.print(counts_line(sent), markup=False)
    print_approval_links(console, sent)
    return sent


def watch_releases(client: GatewayClient, console: Console, sent: Sequence[Sent]) -> bool:
    """Wait until every scheduled order was released, and show its chain. False where one was not."""
    released = [_released(client, console, item) for item in sent if item.outcome.kind == "Scheduled"]
    return all(released)


def _released(client: GatewayClient, console: Console, item: Sent) -> bool:
    due = datetime.fromisoformat(item.outcome.data["scheduled_for"])
    deadline = time.monotonic() + max(0.0, (due - datetime.now(UTC)).total_seconds()) + RELEASE_SECONDS
    while time.monotonic() < deadline:
        record = client.audit_of(item.sample.action["id"]) or {}
        if record.get("chain_id"):
            chain = client.chain(record["chain_id"])
            if chain["status"] in CHAIN_OVER:
                console.print(f"{item.sample.label} was released: {chain_line(chain)}", markup=False)
                return True
        time.sleep(1)
    console.print(f"{item.sample.label} was not released in time", markup=False)
    return False
