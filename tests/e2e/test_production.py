"""Production mode: two web processes, a prefork worker and a scheduler on PostgreSQL and Redis.

Each runs the command of its service in docker-compose.yml, in the environment that Compose would give it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis

from acteon_site.client.errors import Refused
from acteon_site.client.http import GatewayClient
from acteon_site.client.lifecycle import order_action
from tests.docs.compose import ROOT, SERVICES, command_of, environment_of
from tests.e2e.running import (
    AS_USERS_HAVE_IT,
    Process,
    background,
    environment,
    free_port,
    run,
    wait_ready,
    wait_until,
)

pytestmark = pytest.mark.services

DOT_ENV = {
    "ALLOWED_HOSTS": "127.0.0.1,localhost",
    "ACTEON_PUBLIC_URL": "https://orders.example.com",
    "WORKER_CONCURRENCY": "2",
    "WEB_WORKERS": "1",
}


def arguments(service: str, port: int = 8080, command: list[str] | None = None) -> list[str]:
    """What Python is given to run the service's command, on a port of this machine."""
    program, *words = command or command_of(service, DOT_ENV)
    changed = {"--host=0.0.0.0": "--host=127.0.0.1", "--port=8080": f"--port={port}", "8080": str(port)}
    words = [changed.get(word, word) for word in words]
    return words if program == "python" else ["-m", program, *words]


@dataclass(slots=True)
class Production:
    """The running system and an administrator's client for each web process."""

    env: dict[str, str]
    first: GatewayClient
    second: GatewayClient
    key: str
    directory: Path
    stack: ExitStack
    worker: Process | None = None

    def start_worker(self) -> None:
        log = self.directory / f"worker-{uuid.uuid4().hex[:6]}.log"
        self.worker = self.stack.enter_context(background(self.env, log, *arguments("worker")))

    def stop_worker(self) -> None:
        assert self.worker is not None
        assert self.worker.stop() == 0, self.worker.output


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, str]]:
    """A database of its own, dropped afterwards, and the Redis database beside the given one, emptied."""
    server, _, name = os.environ["DATABASE_URL"].rpartition("/")
    own = f"{name.partition('?')[0]}_e2e"
    given = urlsplit(os.environ["REDIS_URL"])
    broker = given._replace(path=f"/{(int(given.path.strip('/') or 0) + 1) % 16}").geturl()
    drop = f"DROP DATABASE IF EXISTS {own} WITH (FORCE)"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(drop)  # type: ignore[call-overload]
        connection.execute(f"CREATE DATABASE {own}")  # type: ignore[call-overload]
    redis.Redis.from_url(broker).flushdb()
    yield {"DATABASE_URL": f"{server}/{own}", "REDIS_URL": broker}
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(drop)  # type: ignore[call-overload]


LOADED = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "acteon_site.settings"
import django
from django.core.management import call_command
django.setup()
call_command("load_pipeline", "fixtures/ecommerce", stdout=sys.stderr)
call_command("create_api_key", "ops", role="admin", quiet=True)
"""


@pytest.fixture(scope="module")
def production(services: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    directory = tmp_path_factory.mktemp("production")
    env = environment(directory, **AS_USERS_HAVE_IT)
    secrets = dict(line.split("=", 1) for line in (directory / "acteon.env").read_text().splitlines())
    env |= environment_of("web", DOT_ENV | secrets | services)
    env["ACTEON_RULES_ROOT"] = str(ROOT / "fixtures" / "ecommerce")  # what is mounted there
    migrate = command_of("migrate", {})[-1].split(" && ")
    for line in migrate:
        ran = run(env, *line.split()[1:])
        assert ran.returncode == 0, ran.stdout + ran.stderr
    ran = run(env, "-c", LOADED)
    assert ran.returncode == 0, ran.stderr
    key = ran.stdout.split()[-1]
    with ExitStack() as stack:
        urls = [_web(stack, env, directory / f"web{number}.log") for number in (1, 2)]
        stack.enter_context(background(env, directory / "beat.log", *arguments("scheduler")))
        clients = [stack.enter_context(GatewayClient(url, key)) for url in urls]
        system = Production(env, clients[0], clients[1], key, directory, stack)
        system.start_worker()
        wait_until(lambda: clients[0].call("GET", "/ready", accept=(503,)).get("status") == "ready")
        _no_after_hours(clients[0])
        yield system


def _web(stack: ExitStack, env: dict[str, str], log: Path) -> str:
    port = free_port()
    process = stack.enter_context(background(env, log, *arguments("web", port)))
    wait_ready(process, f"http://127.0.0.1:{port}", "/health")
    return f"http://127.0.0.1:{port}"


def _no_after_hours(client: GatewayClient) -> None:
    """Production refuses the demo clock, so at night the schedule rule would take every order."""
    client.rule_enable("schedule-after-hours", False)


def order(**changes: Any) -> dict[str, Any]:
    action = order_action(f"PROD-{uuid.uuid4().hex[:12]}", "ecommerce", f"shop-{uuid.uuid4().hex[:8]}")
    action["payload"] |= changes
    return action


def test_an_order_without_a_key_is_refused_and_with_one_runs_its_chain_in_a_worker(
    production: Production,
) -> None:
    action = order()
    with GatewayClient(production.first.url) as stranger, pytest.raises(Refused) as refused:
        stranger.dispatch(action)
    assert refused.value.status == 401
    outcome = production.first.dispatch(action)
    assert outcome.kind == "Executed"
    chain = wait_until(lambda: _completed(production.second, outcome.chain_id))
    statuses = {step["name"]: step["status"] for step in chain["steps"]}
    assert all(statuses[name] == "completed" for name in ("validate", "charge", "fulfill", "notify-customer"))


def _completed(client: GatewayClient, chain_id: str) -> dict[str, Any] | None:
    chain = client.chain(chain_id)
    return chain if chain["status"] == "completed" else None


def test_the_demo_clock_is_refused(production: Production) -> None:
    with pytest.raises(Refused) as refused:
        production.first.dispatch(order(), demo_now="2026-03-10T22:00:00-04:00")
    assert refused.value.status in (400, 403, 422)


def test_events_of_one_web_process_and_the_worker_reach_a_listener_at_the_other(
    production: Production,
) -> None:
    action = order()
    with production.second.stream(namespace="ecommerce", tenant=action["tenant"]) as events:
        outcome = production.first.dispatch(action)
        types = []
        for event in events:
            types.append(event.type)
            if event.type == "chain_completed":
                assert event.data["chain_id"] == outcome.chain_id
                break
    assert types.count("chain_step_completed") == 4
    assert types[0] in ("action_dispatched", "action_status_changed")


def test_a_rule_switched_off_at_one_process_decides_the_next_order_at_the_other(
    production: Production,
) -> None:
    assert production.second.dispatch(order(shipping_country="SY")).kind == "Suppressed"
    production.first.rule_enable("deny-sanctioned-regions", False)
    try:
        for client in (production.first, production.second):
            wait_until(lambda client=client: client.dispatch(order(shipping_country="SY")).kind == "Executed")
    finally:
        production.first.rule_enable("deny-sanctioned-regions", True)
    wait_until(lambda: production.second.dispatch(order(shipping_country="SY")).kind == "Suppressed")


def test_of_twenty_equal_orders_at_two_processes_exactly_one_is_executed(production: Production) -> None:
    action = order()
    del action["id"]
    action["dedup_key"] = action["payload"]["order_id"]
    clients = [production.first, production.second] * 10
    with ThreadPoolExecutor(20) as pool:
        kinds = [outcome.kind for outcome in pool.map(lambda client: client.dispatch(action), clients)]
    assert sorted(kinds) == ["Deduplicated"] * 19 + ["Executed"]


def test_the_eleventh_order_of_a_minute_is_throttled_wherever_it_arrives(production: Production) -> None:
    tenant = f"shop-{uuid.uuid4().hex[:8]}"
    outcomes = []
    for number in range(11):
        client = production.second if number % 2 else production.first
        outcomes.append(client.dispatch(order() | {"tenant": tenant}))
    assert [outcome.kind for outcome in outcomes] == ["Executed"] * 10 + ["Throttled"]
    assert 0 < outcomes[10].retry_after <= 60


def test_an_order_survives_the_loss_of_all_workers_and_of_everything_in_the_broker(
    production: Production,
) -> None:
    production.stop_worker()
    outcome = production.first.dispatch(order())
    assert outcome.kind == "Executed"
    redis.Redis.from_url(production.env["REDIS_URL"]).flushdb()
    assert production.second.chain(outcome.chain_id)["status"] == "running"
    production.start_worker()
    wait_until(lambda: _completed(production.second, outcome.chain_id))


# As `manage.py healthcheck …` three times over, in one process.
MISSING = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "acteon_site.settings"
from django.core.management import execute_from_command_line
for asked in ("web --port 9", "worker --hostname nobody", "scheduler --hostname nobody"):
    try:
        execute_from_command_line(["manage.py", "healthcheck", *asked.split()])
    except SystemExit as ended:
        print(ended.code)
"""


def test_health_checks_tell_a_living_process_from_a_missing_one(production: Production) -> None:
    port = int(production.first.url.rpartition(":")[2])
    for service in ("web", "worker", "scheduler"):
        check = arguments(service, port, SERVICES[service]["healthcheck"]["test"][1:])
        ran = run(production.env, *check)
        assert ran.returncode == 0, ran.stderr
    missing = run(production.env, "-c", MISSING)
    assert missing.stdout.split() == ["1", "1", "1"], missing.stderr


def test_metrics_are_for_keys_only_where_the_gateway_is_not_open(production: Production) -> None:
    open_ = httpx.get(production.first.url + "/health", trust_env=False)
    assert open_.json() == {"status": "ok"}
    text = httpx.get(
        production.first.url + "/metrics/prometheus",
        headers={"Authorization": f"Bearer {production.key}"},
        trust_env=False,
    ).text
    assert "acteon_" in text


def test_serve_refuses_to_run_in_production(production: Production) -> None:
    ran = run(production.env, "manage.py", "serve")
    assert ran.returncode == 1
    assert "docker-compose.yml" in ran.stderr
