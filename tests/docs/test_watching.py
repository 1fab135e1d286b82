"""The commands that watch the gateway fail where it redirects, refuses, is silent or is gone."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from acteon_site.celery import app
from acteon_site.management.commands import healthcheck
from tests.docs.compose import ROOT
from tests.e2e.running import free_port

GUIDE = (ROOT / "docs" / "operations.md").read_text().partition("## Watching")[2]
SCRIPT = GUIDE.partition("```bash run\n")[2].partition("```")[0]
FUNCTION, *COMMANDS = SCRIPT.strip().splitlines()


class Gateway(BaseHTTPRequestHandler):
    """Answers each request with the status of the server's `answers`; 0 says nothing for a while."""

    def do_GET(self) -> None:
        status = self.server.answer  # type: ignore[attr-defined]
        self.server.hosts.append(self.headers["Host"])  # type: ignore[attr-defined]
        if not status:
            time.sleep(3)
            return
        self.send_response(status)
        if status == 301:
            self.send_header("Location", f"http://{self.headers['Host']}/somewhere")
        self.end_headers()
        self.wfile.write(b"acteon_dispatched_total 1\n" if status == 200 else b"")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def gateway() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    server.answer, server.hosts = 200, []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def watch(command: str, port: int) -> int:
    script = f"{FUNCTION}\n{command}".replace(":8080", f":{port}").replace("--max-time 10", "--max-time 1")
    return subprocess.run(["bash", "-c", script], capture_output=True, check=False).returncode


@pytest.mark.parametrize("command", COMMANDS)
def test_a_watching_command_of_the_guide_succeeds_for_a_good_answer_alone(
    command: str, gateway: ThreadingHTTPServer
) -> None:
    assert watch(command, gateway.server_port) == 0
    for status in (301, 400, 503, 0):
        gateway.answer = status  # type: ignore[attr-defined]
        assert watch(command, gateway.server_port) != 0, status
    assert watch(command, free_port()) != 0


def test_the_guide_asks_in_no_other_way() -> None:
    assert len(COMMANDS) == 3
    assert all(command.startswith("ask http") for command in COMMANDS)
    for line in re.findall(r"^.*\bcurl\b.*$", GUIDE.partition("\n## ")[0], re.M):
        assert line == FUNCTION or "plain `curl --fail`" in line


@pytest.mark.parametrize(
    ("allowed", "asked"),
    [
        (["shop.example", "127.0.0.1"], "shop.example"),
        ([".shop.example"], "shop.example"),
        (["*"], "localhost"),
    ],
)
def test_the_health_check_asks_for_a_host_that_is_allowed(
    allowed: list[str], asked: str, gateway: ThreadingHTTPServer, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = allowed
    call_command("healthcheck", "web", "--port", str(gateway.server_port))
    assert gateway.hosts == [asked]  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [301, 400, 503])
def test_the_health_check_of_the_web_server_takes_200_alone_for_success(
    status: int, gateway: ThreadingHTTPServer
) -> None:
    gateway.answer = status  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match=str(status)):
        call_command("healthcheck", "web", "--port", str(gateway.server_port))


@pytest.mark.parametrize("process", ["worker", "scheduler"])
def test_a_broker_that_is_silent_does_not_hold_the_health_check_up(
    process: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(healthcheck, "LONGEST_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with app.connection_for_write(url) as connection:
            ping = partial(app.control.ping, connection=connection)
            monkeypatch.setattr(app.control, "ping", ping)
            with pytest.raises(CommandError, match="no answer within 1 s"):
                call_command("healthcheck", process)
