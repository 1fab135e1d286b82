"""`manage.py serve`: the whole system on this machine, in one foreground process."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from acteon_site.management.base import ExplainedCommand
from acteon_site.serving.embedded import announce, embedded_start
from acteon_site.serving.system import EmbeddedSystem

HELP = """Serve API, admin and event stream with worker and scheduler, in one foreground process.

Embedded mode only: SQLite under var/, no broker, the API open without a key on this machine alone.
Migrates the database, loads fixtures/ecommerce where nothing is loaded yet, and creates local users.
Ctrl-C stops everything; what was held or under way goes on at the next start."""
EXAMPLES = """examples:
  python manage.py serve
  python manage.py serve --port 8090 --fixtures my/pipeline
  python manage.py serve --no-worker        # orders are accepted, chains wait for a worker

exit codes: 0 stopped by Ctrl-C or SIGTERM, 1 it could not start or a part of it failed"""


def add_serving_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s")
    parser.add_argument(
        "--fixtures",
        type=Path,
        metavar="DIR",
        help="load this pipeline now, even where one is loaded already",
    )


class Command(ExplainedCommand):
    help = HELP
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        add_serving_arguments(parser)
        parser.add_argument("--no-worker", action="store_true", help="serve without worker and scheduler")

    def handle(self, *args: Any, **options: Any) -> None:
        start = embedded_start(options["host"], options["port"], options["fixtures"])
        system = EmbeddedSystem(
            start.listening,
            worker=not options["no_worker"],
            on_ready=lambda: announce(self.stdout, start),
        )
        code = system.run()
        self.stdout.write("Stopped." if code == 0 else "Stopped: a part of it failed, see the log above.")
        if code:
            raise SystemExit(code)
