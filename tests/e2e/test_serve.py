"""`manage.py serve`: it stops cleanly with listeners connected, and the next start goes on where it was.

Two installations do: one for the signals, one that is stopped with work left and started again.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from acteon_site.client.http import GatewayClient
from acteon_site.client.lifecycle import BUSINESS_HOURS, order_action
from tests.e2e.running import Process, background, environment, free_port, run, wait_ready, wait_until

pytestmark = pytest.mark.embedded

NIGHT = "2026-03-10T22:00:00-04:00"


@contextmanager
def serving(env: dict[str, str], directory: Path, *options: str) -> Iterator[tuple[Process, GatewayClient]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ("manage.py", "serve", "--port", str(port), *options)
    with background(env, directory / "serve.log", *command) as process:
        wait_ready(process, url, "/health" if "--no-worker" in options else "/ready")
        with GatewayClient(url) as client:
            yield process, client


def order(order_id: str, **payload: Any) -> dict[str, Any]:
    action = order_action(order_id, "ecommerce", "acme-store")
    action["payload"] |= payload
    return action


# Stopping ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return environment(tmp_path_factory.mktemp("stopped"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_with_listeners_connected(
    stopped: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    name = f"before-{number.name}"
    with serving(stopped, tmp_path) as (process, client), client.stream(namespace="ecommerce") as events:
        client.dispatch(order(name), demo_now=BUSINESS_HOURS)
        # What the first stop left under way is told by the second start.
        assert any(event.data.get("action_id") == name for event in events)
        # Listeners would hold it for a minute; on a busy machine it takes more than its five seconds.
        assert process.stop(number, timeout=40) == 0
    assert "Stopped." in process.output
    assert "Traceback" not in process.output


# Going on ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Again:
    """A second start, and the run of the order that the first one accepted and did not work on."""

    env: dict[str, str]
    process: Process
    client: GatewayClient
    chain_id: str


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Again]:
    """The first start has no worker: it holds the order `night` and accepts the order `waits`."""
    directory = tmp_path_factory.mktemp("again")
    env = environment(directory)
    with serving(env, directory, "--no-worker") as (process, client):
        assert client.dispatch(order("night"), demo_now=NIGHT).kind == "Scheduled"
        outcome = client.dispatch(order("waits"), demo_now=BUSINESS_HOURS)
        assert outcome.kind == "Executed"
        time.sleep(1.5)
        assert client.chain(outcome.chain_id)["status"] == "running"
        assert process.stop() == 0
    with serving(env, directory) as (process, client):
        yield Again(env, process, client, outcome.chain_id)


def test_a_chain_that_was_accepted_without_a_worker_is_run_by_the_next_start(again: Again) -> None:
    wait_until(lambda: again.client.chain(again.chain_id)["status"] == "completed")


def test_held_orders_are_released_by_the_next_start(again: Again) -> None:
    client = again.client
    done = lambda: (record := client.audit_of("night")) and record["outcome"] == "executed"  # noqa: E731
    assert wait_until(done, every=0.5)
    assert client.event("night", "ecommerce", "acme-store")["state"] == "placed"


def test_it_says_what_it_serves_and_to_whom(again: Again) -> None:
    said = wait_until(lambda: "Ctrl-C stops it." in again.process.output and again.process.output)
    assert f"Listening on {again.client.url}" in said
    assert "to this machine only" in said
    manager = next(line.split() for line in said.splitlines() if line.strip().startswith("manager"))
    with httpx.Client(base_url=again.client.url, follow_redirects=True, trust_env=False) as browser:
        login = browser.get("/admin/login/")
        form = {"username": "manager", "password": manager[1], "next": "/admin/"}
        form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
        answer = browser.post("/admin/login/", data=form, headers={"Referer": str(login.url)})
        assert answer.url.path == "/admin/", answer.text[:500]


def test_a_second_server_on_the_same_port_is_refused(again: Again) -> None:
    port = again.client.url.rpartition(":")[2]
    ran = run(again.env, "manage.py", "serve", "--port", port)
    assert ran.returncode == 1
    assert f"{port} is in use" in ran.stderr
