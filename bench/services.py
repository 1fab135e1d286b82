"""A PostgreSQL cluster and a Redis of our own in a temporary directory, to be stopped and broken at will."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
import redis

BASE = ("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "shared_buffers=128MB")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class OwnPostgres:
    """`root` may not run PostgreSQL: then the user postgres does, who must reach the directory."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self._data = directory / "pg"
        self._clock = directory / "pg.clock"
        self._env: dict[str, str] | None = None
        self._as: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        self._bin = _postgres_bin()
        self._data.mkdir()
        if self._as:
            shutil.chown(self._data, "postgres", "postgres")
        self._tool(
            "initdb", "-D", self._data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"
        )
        self.start()

    def _tool(self, name: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._bin / name, *arguments],
            capture_output=True,
            text=True,
            cwd="/",
            env=self._env,
            **self._as,
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")

    def start(self) -> None:
        options = " ".join((*BASE, "-c", f"port={self.port}", "-k", str(self._data)))
        self._tool("pg_ctl", "-D", self._data, "-l", self._data / "log", "-w", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is a crash: nothing is flushed, and the next start recovers from the log."""
        self._tool("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def give_own_clock(self) -> None:
        """Start it anew with a clock that `set_clock` steps. The monotonic one is left alone."""
        library = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
        if library is None:
            raise RuntimeError("libfaketime is needed (apt-get install libfaketime)")
        self.set_clock(0)
        self._env = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.stop()
        self.start()

    def set_clock(self, seconds: int) -> None:
        """So far off is its clock within a second, in all of its processes."""
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}")
        fresh.chmod(0o644)
        fresh.replace(self._clock)

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True, connect_timeout=5)

    def terminate_backends(self) -> int:
        """Cut every other connection off, in the middle of whatever it does."""
        with self.connect() as connection:
            rows = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchone()
        return int(rows[0]) if rows else 0


def _postgres_bin() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    if found is None:
        raise RuntimeError("PostgreSQL's server programs are needed (apt-get install postgresql)")
    return Path(found).parent


class OwnRedis:
    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--appendonly", "no", "--dir", str(self._directory)]
        with (self._directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self._answers, 20, "Redis")

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_connect_timeout=1, socket_timeout=5)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """Nothing is saved: every message that was in it is lost."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)

    def freeze(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)


def wait_for(ask: Any, seconds: float, what: str, every: float = 0.1) -> Any:
    """The first truthy answer of `ask()`."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: nothing within {seconds:.0f} s")
        time.sleep(every)
    return answer
