"""`manage.py serve`: it stops cleanly with listeners connected, and the next start goes on where it was."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_within_five_seconds_with_listeners_connected(
    tmp_path: Path, number: signal.Signals
) -> None:
    env = environment(tmp_path)
    with serving(env, tmp_path) as (process, client), client.stream(namespace="ecommerce") as events:
        client.dispatch(order("before"), demo_now=BUSINESS_HOURS)
        assert next(events).data["action_id"] == "before"
        started = time.monotonic()
        assert process.stop(number) == 0
        assert time.monotonic() - started < 5
    assert "Stopped." in process.output
    assert "Traceback" not in process.output


def test_it_says_what_it_serves_and_to_whom(tmp_path: Path) -> None:
    env = environment(tmp_path)
    with serving(env, tmp_path) as (process, client):
        said = wait_until(lambda: "Ctrl-C stops it." in process.output and process.output)
        assert f"Listening on {client.url}" in said
        assert "to this machine only" in said
        manager = next(line.split() for line in said.splitlines() if line.strip().startswith("manager"))
        with httpx.Client(base_url=client.url, follow_redirects=True, trust_env=False) as browser:
            login = browser.get("/admin/login/")
            form = {"username": "manager", "password": manager[1], "next": "/admin/"}
            form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
            answer = browser.post("/admin/login/", data=form, headers={"Referer": str(login.url)})
            assert answer.url.path == "/admin/", answer.text[:500]


def test_held_orders_are_released_by_the_next_start(tmp_path: Path) -> None:
    env = environment(tmp_path)
    with serving(env, tmp_path) as (process, client):
        outcome = client.dispatch(order("night"), demo_now=NIGHT)
        assert outcome.kind == "Scheduled"
        assert process.stop() == 0
    time.sleep(2)
    with serving(env, tmp_path) as (_, client):
        done = lambda: (record := client.audit_of("night")) and record["outcome"] == "executed"  # noqa: E731
        assert wait_until(done, seconds=45, every=0.5)
        assert client.event("night", "ecommerce", "acme-store")["state"] == "placed"


def test_without_a_worker_an_accepted_chain_waits_and_the_next_start_runs_it(tmp_path: Path) -> None:
    env = environment(tmp_path)
    with serving(env, tmp_path, "--no-worker") as (_, client):
        outcome = client.dispatch(order("waits"), demo_now=BUSINESS_HOURS)
        assert outcome.kind == "Executed"
        time.sleep(1.5)
        assert client.chain(outcome.chain_id)["status"] == "running"
    with serving(env, tmp_path) as (_, client):
        wait_until(lambda: client.chain(outcome.chain_id)["status"] == "completed")


def test_a_second_server_on_the_same_port_is_refused(tmp_path: Path) -> None:
    env = environment(tmp_path)
    with serving(env, tmp_path) as (_, client):
        port = client.url.rpartition(":")[2]
        ran = run(env, "manage.py", "serve", "--port", port)
        assert ran.returncode == 1
        assert f"{port} is in use" in ran.stderr
