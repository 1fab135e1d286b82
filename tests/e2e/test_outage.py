"""A web process whose database is gone, or silent: what still answers, and how soon."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.running import answers_ok, background, environment, free_port, wait_until

SOON = 8.0  # five seconds of waiting for a connection, and a busy machine
KEY = {"X-API-Key": "acteon_" + "x" * 43}


@pytest.fixture(params=["refuses", "silent"])
def database(request: Any) -> Iterator[int]:
    """The port of no PostgreSQL: nobody listens, or somebody who takes the connection and says nothing."""
    if request.param == "refuses":
        yield free_port()
        return
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        yield int(silent.getsockname()[1])


def timed(url: str, **headers: str) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    answer = httpx.get(url, headers=headers, timeout=40, trust_env=False, verify=False)
    return answer, time.monotonic() - started


def test_health_and_readiness_answer_without_a_database(tmp_path: Path, database: int) -> None:
    url, port = f"postgres://nobody@127.0.0.1:{database}/none", free_port()
    env = environment(tmp_path, DATABASE_URL=url)
    base = f"http://127.0.0.1:{port}"
    with background(env, tmp_path / "log", "-m", "acteon_site.serving.web", "--port", str(port)):
        wait_until(lambda: answers_ok(f"{base}/health"))
        for headers in ({}, KEY):
            health, seconds = timed(f"{base}/health", **headers)
            assert (health.status_code, health.json()) == (200, {"status": "ok"})
            assert seconds < SOON
        ready, seconds = timed(f"{base}/ready")
        assert ready.status_code == 503
        assert ready.json() == {
            "status": "not_ready",
            "checks": {"database": "does not answer", "broker": "ok", "worker": "unknown"},
        }
        assert seconds < SOON
        for path in ("/v1/rules", "/v1/stream", "/metrics"):
            answer, seconds = timed(base + path, **KEY)
            assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE"), path
            assert answer.headers["Retry-After"]
            assert seconds < SOON
