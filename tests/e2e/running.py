"""Starts the gateway's processes as a user would, each test with a var directory of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from acteon_site import bootstrap
from tests.e2e.migrated import put_tables

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180  # a busy machine; where all is well it takes seconds
# What pytest's own settings need must not leak into the system under test.
OWN = ("ACTEON_", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "ALLOWED_HOSTS", *bootstrap.SECRETS)

QUICK = "tests.e2e.settings"
AS_USERS_HAVE_IT = {"DJANGO_SETTINGS_MODULE": "acteon_site.settings"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def environment(directory: Path, **settings: str) -> dict[str, str]:
    """An environment for one installation in `directory`, with secrets as `make` makes them.

    Passwords are hashed quickly there, and its database has its tables; `**AS_USERS_HAVE_IT` leaves nothing of the
    tests in its settings and begins with none.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    env |= {"ACTEON_ENV_FILE": str(directory / "acteon.env"), "PYTHONUNBUFFERED": "1"}
    database = directory / "gateway.sqlite3"
    env |= {"DATABASE_URL": f"sqlite:///{database}", "DJANGO_SETTINGS_MODULE": QUICK} | settings
    bootstrap.bootstrap(Path(env["ACTEON_ENV_FILE"]))
    if env["DJANGO_SETTINGS_MODULE"] == QUICK and env["DATABASE_URL"].startswith("sqlite:"):
        put_tables(database, env["ACTEON_ENV_FILE"])
    return env


def run(env: Mapping[str, str], *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
    """`python <arguments>` to its end."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout
    )


@dataclass(slots=True)
class Process:
    """A process in the background and the file that takes its output."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text()

    def stop(self, number: int = signal.SIGTERM, timeout: float = 20) -> int:
        """Send a signal and answer the exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.popen.wait(timeout)


@contextmanager
def background(env: Mapping[str, str], log: Path, *arguments: str) -> Iterator[Process]:
    """`python <arguments>` until the block ends; killed there if it has not stopped by then."""
    with log.open("wb") as stream:
        popen = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=env, stdout=stream, stderr=subprocess.STDOUT
        )
    process = Process(popen, log)
    try:
        yield process
    finally:
        try:
            process.stop()
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


def answers_ok(url: str) -> bool:
    try:
        # To verify nothing spares a request the reading of all certificates, which costs far more than the request.
        return httpx.get(url, timeout=5, trust_env=False, verify=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def wait_ready(process: Process, url: str, path: str = "/ready") -> None:
    """Return once `path` answers 200. Fails with the process's output where it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.popen.poll() is None:
        if answers_ok(url + path):
            return
        time.sleep(0.2)
    raise AssertionError(f"{url}{path} did not become ready:\n{process.output}")


def wait_until(ask: Callable[[], T | None], seconds: float = 120, every: float = 0.1) -> T:
    """The first truthy answer of `ask`. Fails where none comes in a time that a busy machine has, too."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"nothing after {seconds} s"
        time.sleep(every)
    return answer
