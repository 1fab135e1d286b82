"""However a process of the gateway ends, nothing of it stays behind, and it takes no longer than it may."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from acteon_site.serving import web
from tests.acteon_site.serving.conftest import installed
from tests.acteon_site.serving.slow_app import app, takes_a_minute
from tests.e2e.running import Process, background, environment, free_port, wait_ready, wait_until

WORKER_SECONDS = 10


def children(process: Process) -> list[int]:
    pid = process.popen.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def kill(process: Process) -> None:
    process.popen.send_signal(signal.SIGKILL)
    process.popen.wait()


@pytest.mark.embedded
def test_web_processes_end_with_their_master_and_leave_the_port(tmp_path: Path) -> None:
    env, _ = installed(tmp_path)
    port = free_port()
    command = ("-m", "acteon_site.serving.web", "--workers", "2", "--port", str(port))
    with background(env, tmp_path / "web.log", *command) as master:
        wait_ready(master, f"http://127.0.0.1:{port}", "/health")
        workers = children(master)
        assert len(workers) >= 2
        kill(master)
        wait_until(lambda: not any(map(alive, workers)), 15)
    with socket.create_server(("127.0.0.1", port)):
        pass


@pytest.fixture
def worker_env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, REDIS_URL=os.environ["REDIS_URL"])


def _busy_worker(process: Process, tmp_path: Path) -> list[int]:
    """The processes of its pool, one of them at work."""
    begun = tmp_path / "begun"
    with app.connection_for_write(os.environ["REDIS_URL"]) as connection:
        takes_a_minute.apply_async((str(begun),), queue="ends", connection=connection, expires=60)
    wait_until(begun.exists, 60)
    return children(process)


WORKER = (
    "-m",
    "celery",
    "--app=tests.acteon_site.serving.slow_app",
    "worker",
    "--pool=prefork",
    "--queues=ends",
)
WORKER += ("--concurrency=2", "--without-gossip", "--without-mingle", "--loglevel=INFO")


@pytest.mark.services
def test_a_worker_ends_in_time_whatever_it_has_under_way(tmp_path: Path, worker_env: dict[str, str]) -> None:
    with background(worker_env, tmp_path / "worker.log", *WORKER) as worker:
        pool = _busy_worker(worker, tmp_path)
        started = time.monotonic()
        assert worker.stop() == 0, worker.output
        assert time.monotonic() - started < WORKER_SECONDS
        wait_until(lambda: not any(map(alive, pool)), 15)
    assert "stopped_with_work_under_way" in worker.output


@pytest.mark.services
def test_the_pool_of_a_killed_worker_ends_with_it(tmp_path: Path, worker_env: dict[str, str]) -> None:
    with background(worker_env, tmp_path / "worker.log", *WORKER) as worker:
        pool = _busy_worker(worker, tmp_path)
        assert len(pool) >= 2
        kill(worker)
        wait_until(lambda: not any(map(alive, pool)), 15)


def test_a_web_process_gives_requests_and_calls_less_than_ten_seconds_in_all() -> None:
    # With a call of a minute under way: 8.6 s from the signal to the end of the master, by hand.
    assert web.REQUEST_SECONDS + web.END_SECONDS <= WORKER_SECONDS - 2
