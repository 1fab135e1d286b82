"""The real system in production mode, process by process, to be killed and started again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench import mixed
from bench.services import free_port, wait_for

ROOT = Path(__file__).resolve().parent.parent
# What this shell has set must not leak into the system under test.
OWN = ("ACTEON_", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "ALLOWED_HOSTS", "SECRET_KEY")
OWN += ("FERNET_KEYS", "APPROVAL_KEYS", "LOOKUP_HASH_KEY")
SETTINGS = {
    "ACTEON_MODE": "production",
    "ALLOWED_HOSTS": "127.0.0.1",
    "ACTEON_PUBLIC_URL": "https://orders.example.com",
    "ACTEON_OUTBOUND_ALLOW": "127.0.0.1",
    "ACTEON_RATE_PER_MINUTE": "0",
    "PYTHONUNBUFFERED": "1",
}
# In one process: Django is started once and not four times.
INSTALL = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "acteon_site.settings"
import django
from django.core.management import call_command
django.setup()
call_command("migrate", interactive=False, verbosity=0)
call_command("create_groups")
call_command("load_pipeline", sys.argv[1])
call_command("create_api_key", "bench", role="admin", quiet=True)
"""
HOSTS = ("east", "west")
WORK = ("worker", "--pool=prefork", "--without-gossip", "--without-mingle", "--loglevel=INFO")
BEAT = ("beat", "--scheduler=celery.beat:Scheduler")


@dataclass
class Part:
    """A process that is started anew whenever it was killed. Its output is appended to one file."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    root: Path = ROOT
    python: str = sys.executable
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                [self.python, *self.command],
                cwd=self.root,
                env=dict(self.env),
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def children(self) -> list[int]:
        try:
            return [
                int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            ]
        except OSError:
            return []

    def kill(self) -> None:
        """SIGKILL for it and all that it forked."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
        if self.process:
            self.process.wait()

    def kill_child(self, chance: random.Random) -> bool:
        """SIGKILL for one of the processes that do a worker's work; it is replaced by its parent."""
        children = self.children()
        if not children:
            return False
        try:
            os.kill(chance.choice(children), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def stop(self) -> None:
        if self.alive and self.process:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        self.kill()


@dataclass
class Gateway:
    """One installation in `directory`: settings with fresh secrets, its configuration, and its processes."""

    directory: Path
    database_url: str
    redis_url: str
    workers: int = 2
    concurrency: int = 2
    beats: int = 1
    hosts: tuple[str, ...] = ()
    duplicate: bool = False
    extra_env: dict[str, dict[str, str]] = field(default_factory=dict)  # by the part's name
    root: Path = ROOT
    python: str = sys.executable
    key: str = ""
    parts: dict[str, Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
        self.env = env | SETTINGS | {"ACTEON_ENV_FILE": str(self.directory / "acteon.env")}
        self.env |= {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.urls: list[str] = []  # of several hosts

    def install(self, configuration: Path) -> None:
        self.run("-m", "acteon_site.bootstrap")
        self.key = self.run("-c", INSTALL, str(configuration)).split()[-1]

    def run(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.root,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done.stdout if done.returncode == 0 else f"failed: {done.stdout}{done.stderr}"

    def start(self) -> None:
        if self.hosts:
            self._start_hosts()
        else:
            self.add_web()
            self.add_workers()
        self.wait_ready()

    def _start_hosts(self) -> None:
        """On each of them a web process with a port of its own, a worker and a scheduler, by the names of the host."""
        celery = ("-m", "celery", "--app=acteon_site")
        for host in self.hosts:
            port = self.port if host == self.hosts[0] else free_port()
            self.urls.append(f"http://127.0.0.1:{port}")
            self.add(f"web-{host}", ("-m", "acteon_site.serving.web", "--port", str(port)))
            work = (*WORK, f"--concurrency={self.concurrency}", f"--hostname=worker@{host}")
            self.add(f"worker-{host}", (*celery, *work), ACTEON_LOG_LEVEL="DEBUG")
            self.add(f"beat-{host}", (*celery, *BEAT))

    def add_web(self) -> None:
        module = "bench.duplicating_app" if self.duplicate else "acteon_site.serving.web"
        self.add("web", ("-m", module, "--port", str(self.port)))

    def add_workers(self) -> None:
        """Workers and schedulers."""
        app = "bench.duplicating_app" if self.duplicate else "acteon_site"
        celery = ("-m", "celery", f"--app={app}")
        for number in range(1, self.workers + 1):
            name = f"worker{number}"
            work = (*WORK, f"--concurrency={self.concurrency}", f"--hostname={name}@bench")
            # Its log then tells of each message, by which scenarios see that it still takes some.
            self.add(name, (*celery, *work), ACTEON_LOG_LEVEL="DEBUG")
        for number in range(1, self.beats + 1):
            self.add(f"beat{number}", (*celery, *BEAT))

    def add(self, name: str, command: tuple[str, ...], **own: str) -> None:
        env = {**self.env, **own, **self.extra_env.get(name, {})}
        log = self.directory / f"{name}.log"
        self.parts[name] = Part(name, command, env, log, self.root, self.python)
        self.parts[name].start()

    def wait_ready(self, seconds: float = 90) -> float:
        """Seconds until /ready says that database, broker and a worker are at work."""
        started = time.monotonic()
        wait_for(self.ready, seconds, "the gateway's /ready")
        return time.monotonic() - started

    def ready(self) -> bool:
        try:
            return (
                httpx.get(self.url + "/ready", timeout=5, trust_env=False, verify=False).status_code
                == httpx.codes.OK
            )
        except httpx.HTTPError:
            return False

    def replica(self) -> str:
        """What /ready says of the replica."""
        try:
            answer = httpx.get(self.url + "/ready", timeout=15, trust_env=False).json()
        except httpx.HTTPError as error:
            return type(error).__name__
        return str(answer["checks"].get("replica"))

    def named(self, prefix: str) -> list[Part]:
        return [part for name, part in self.parts.items() if name.startswith(prefix)]

    def revive(self) -> list[str]:
        """Start whatever is not running, as a supervisor would. Answers which parts that were."""
        gone = [part for part in self.parts.values() if not part.alive]
        for part in gone:
            part.start()
        return [part.name for part in gone]

    def stop(self) -> None:
        for part in self.parts.values():
            if part.alive and part.process:
                part.process.terminate()
        for part in self.parts.values():
            part.stop()


PLAIN = {"failure_threshold": 50, "success_threshold": 1, "recovery_timeout_seconds": 3}
PROVIDERS: tuple[str, ...] = (
    "payment-gateway",
    "warehouse",
    "email-service",
    "fraud-analyzer",
    "compliance-queue",
)


def configuration(
    directory: Path, provider_url: str | None, timeout: float = 3, *, mixed_chain: bool = False
) -> Path:
    """The fixture's pipeline, its providers behind `provider_url` (None: they log) and its hours without an end.

    Breakers open late here: the faults are to meet the runs, and not to be kept from them. `mixed_chain`: also the
    chain of bench/mixed.py, for orders that say `mixed`.
    """
    target = directory / "pipeline"
    shutil.copytree(ROOT / "fixtures" / "ecommerce", target)
    (target / "acteon.toml").unlink()
    rules = [*RULES, mixed.RULE] if mixed_chain else RULES
    (target / "rules" / "processing.yaml").write_text(json.dumps({"rules": rules}))
    names = PROVIDERS + mixed.PROVIDERS if mixed_chain else PROVIDERS
    providers = [_provider(name, provider_url, timeout) for name in names]
    breakers = [_breaker(name) for name in names]
    content = {"providers": providers, "circuit_breakers": breakers}
    (target / "providers.yaml").write_text(json.dumps(content))
    if mixed_chain:
        (target / "mixed.yaml").write_text(json.dumps({"chains": mixed.CHAINS}))
    return target


def _breaker(name: str) -> dict[str, object]:
    if name not in mixed.FALLBACKS:
        return {"provider": name, **PLAIN}
    return {
        "provider": name,
        **PLAIN,
        "recovery_timeout_seconds": 2,
        "fallback_provider": mixed.FALLBACKS[name],
    }


def _provider(name: str, url: str | None, timeout: float) -> dict[str, object]:
    if url is None:
        return {"name": name, "type": "log"}
    return {
        "name": name,
        "type": "webhook",
        "url": f"{url}/{name}",
        "envelope": True,
        "timeout_seconds": timeout,
    }


IS_ORDER = {"field": "action.action_type", "eq": "place_order"}
RULES = [
    {
        "name": "schedule-later",
        "priority": 10,
        "condition": {"all": [IS_ORDER, {"field": "action.payload.later", "eq": True}]},
        "action": {"type": "schedule", "delay_seconds": 3},
    },
    {
        "name": "dedup-double-submit",
        "priority": 15,
        "condition": IS_ORDER,
        "action": {"type": "deduplicate", "ttl_seconds": 300},
    },
    {
        "name": "throttle-merchant-orders",
        "priority": 20,
        "condition": IS_ORDER,
        "action": {"type": "throttle", "max_count": 1000, "window_seconds": 60},
    },
]
