"""`manage.py healthcheck web|worker|scheduler`: what a container's health check runs beside each process."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import httpx
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from kombu.exceptions import OperationalError

from acteon_site.celery import app
from acteon_site.management.base import ExplainedCommand

EXAMPLES = """examples:
  python manage.py healthcheck web --port 8080
  python manage.py healthcheck worker

A scheduler answers where it was started with --enable-remote-control, and as long as its schedule goes on.

exit codes: 0 it answers, 1 it does not, 2 wrong usage"""
NODES = {"worker": "celery", "scheduler": "celerybeat"}
SECONDS = 5.0
LONGEST_SECONDS = 10


class Command(ExplainedCommand):
    help = "Ask the web server, worker or scheduler of this host (or container) whether it works."
    examples = EXAMPLES
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("process", choices=["web", *NODES])
        parser.add_argument("--port", type=int, default=8080, help="of the web server; default: %(default)s")
        parser.add_argument(
            "--hostname", default=socket.gethostname(), help="of the worker or scheduler; default: this host"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with _deadline():
            if options["process"] == "web":
                _ask_web(options["port"])
            else:
                _ask_node(f"{NODES[options['process']]}@{options['hostname']}")
        self.stdout.write("ok")


@contextmanager
def _deadline() -> Iterator[None]:
    """A broker that is silent holds its client up for minutes, whatever timeouts the client's parts have."""
    signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(LONGEST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def _too_late(*_: Any) -> NoReturn:
    raise CommandError(f"no answer within {LONGEST_SECONDS} s")


def _ask_web(port: int) -> None:
    """/health says that this process serves; /ready would tell of the database and the workers too."""
    # As the proxy in front would ask; `.example.com` allows example.com itself.
    host = next((name.lstrip(".") for name in settings.ALLOWED_HOSTS if name != "*"), "localhost")
    headers = {"Host": host, "X-Forwarded-Proto": "https"}
    try:
        answer = httpx.get(
            f"http://127.0.0.1:{port}/health", headers=headers, timeout=SECONDS, trust_env=False
        )
    except httpx.HTTPError as error:
        raise CommandError(f"nothing answers on port {port}: {type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK:
        raise CommandError(f"/health of {host} answered {answer.status_code}")


def _ask_node(node: str) -> None:
    try:
        answers = app.control.ping(destination=[node], timeout=SECONDS, limit=1)
    except (OSError, OperationalError) as error:
        raise CommandError(f"the broker does not answer: {type(error).__name__}") from error
    if not answers:
        raise CommandError(f"{node} does not answer")
