"""A PostgreSQL cluster and a Redis of our own in a temporary directory, to be stopped and broken at will."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import redis

BASE = ("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "shared_buffers=128MB")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class OwnPostgres:
    """`root` may not run PostgreSQL: then the user postgres does, who must reach the directory.

    `follows` another: it is a streaming replica of that one, until it is promoted.
    """

    def __init__(self, directory: Path, follows: OwnPostgres | None = None, port: int = 0) -> None:
        self.port = port or free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self._data = Path(tempfile.mkdtemp(prefix="pg-", dir=directory))
        self._clock = directory / "pg.clock"
        self._env: dict[str, str] | None = None
        self._as: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        self._bin = _postgres_bin()
        if self._as:
            shutil.chown(self._data, "postgres", "postgres")
        self._copy(follows) if follows else self._make()
        self.start()

    def _make(self) -> None:
        self._tool(
            "initdb", "-D", self._data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"
        )

    def _copy(self, primary: OwnPostgres) -> None:
        whence = f"host=127.0.0.1 port={primary.port} user=postgres application_name=replica"
        self._tool("pg_basebackup", "-D", self._data, "-d", whence, "-X", "stream", "-c", "fast", "-R")

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
        log = self._data / "log"
        for tries_left in (2, 1, 0):
            try:
                self._tool("pg_ctl", "-D", self._data, "-l", log, "-w", "-o", options, "start")
                return
            except RuntimeError as error:
                if not tries_left:
                    raise RuntimeError(f"{error}\n{log.read_text()[-2000:]}") from error
            # While nobody listened on its port, a client's end of another connection may have been given it.
            time.sleep(2)

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is a crash: nothing is flushed, and the next start recovers from the log."""
        self._tool("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def end(self) -> None:
        """Stop it, if it runs."""
        if self._is_running():
            self.stop("immediate")

    def _is_running(self) -> bool:
        return bool(self.pid) and Path(f"/proc/{self.pid}").exists()

    @property
    def pid(self) -> int:
        file = self._data / "postmaster.pid"
        return int(file.read_text().split()[0]) if file.is_file() else 0

    def kill(self) -> None:
        """SIGKILL for the server and all of its processes, as when its host loses power (its disk stays)."""
        pid = self.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)

    def promote(self) -> None:
        """A replica becomes a primary."""
        self._tool("pg_ctl", "-D", self._data, "-w", "promote")

    @contextmanager
    def silent(self) -> Iterator[None]:
        """A primary that sends its replicas nothing more inside the block."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        senders = [pid for pid in children if "walsender" in Path(f"/proc/{pid}/cmdline").read_text()]
        for pid in senders:
            os.kill(int(pid), signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in senders:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGCONT)

    def wait_for_replica(self) -> None:
        """From now on a commit is answered once the replica has it on its disk."""
        with self.connect() as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        wait_for(self._is_followed_in_step, 20, "the replica in step")

    def _is_followed_in_step(self) -> bool:
        with self.connect() as connection:
            asked = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            return connection.execute(asked).fetchone() is not None

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


def postgres_program(name: str) -> str:
    return str(_postgres_bin() / name)


def _postgres_bin() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    if found is None:
        raise RuntimeError("PostgreSQL's server programs are needed (apt-get install postgresql)")
    return Path(found).parent


POOLER = """[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {servers}
max_client_conn = 1000
# A request waits no longer for a server, and a server that was away is asked again after a second.
query_wait_timeout = 5
server_login_retry = 1
"""


class OwnPooler:
    """A PgBouncer that gives out `servers` connections by transaction, before a PostgreSQL of ours.

    `prepares`: it carries prepared statements from one server to the next, as it does since 1.21.
    """

    def __init__(self, directory: Path, postgres: OwnPostgres, servers: int = 20) -> None:
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        program = _pooler()
        if program is None:
            raise RuntimeError("PgBouncer is needed (apt-get install pgbouncer)")
        self._command = [program, str(directory / "pgbouncer.ini")]
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        self.version = told.split()[1]
        self.prepares = tuple(map(int, self.version.split(".")[:2])) >= (1, 21)
        text = POOLER.format(server=postgres.port, port=self.port, servers=servers)
        text += "max_prepared_statements = 200\n" if self.prepares else ""
        (directory / "pgbouncer.ini").write_text(text)
        self._log = directory / "pgbouncer.log"
        self._as: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd="/", **self._as)
        wait_for(self._answers, 20, "PgBouncer")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.Error:
            return False
        return True

    def stop(self, number: int = signal.SIGKILL) -> None:
        self._process.send_signal(number)
        self._process.wait(20)


def has_pooler() -> bool:
    return _pooler() is not None


def _pooler() -> str | None:
    return os.environ.get("PGBOUNCER") or shutil.which("pgbouncer")


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
