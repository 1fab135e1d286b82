"""`manage.py demo`: serve, send the guide's 15 sample orders over HTTP, show what became of each, serve."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from acteon_site.client.demo import send_samples, wait_until_ready, watch_releases
from acteon_site.client.errors import EXIT_DIFFERENT, ClientError
from acteon_site.client.http import GatewayClient
from acteon_site.client.samples import SAMPLE_ORDERS
from acteon_site.management.base import ExplainedCommand
from acteon_site.management.commands.serve import add_serving_arguments
from acteon_site.serving.embedded import EmbeddedStart, announce, embedded_start
from acteon_site.serving.system import EmbeddedSystem

EXAMPLES = """examples:
  python manage.py demo
  python manage.py demo --port 8090 --real-clock
  python manage.py demo --once            # send, show, stop: 0 if every outcome is as the guide says

exit codes: 0 stopped by Ctrl-C, or --once and all as expected; 1 it could not start, or an outcome differs"""


class Command(ExplainedCommand):
    help = "Serve the whole system and show the guide's 15 sample orders going through it."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        add_serving_arguments(parser)
        parser.add_argument(
            "--real-clock", action="store_true", help="decide by the real hour, not the demo clock"
        )
        parser.add_argument("--once", action="store_true", help="stop after the table")
        parser.add_argument(
            "--follow", action="store_true", help="with --once: stop after the scheduled releases"
        )
        parser.add_argument(
            "--orders", type=Path, default=SAMPLE_ORDERS, metavar="FILE", help="other sample orders"
        )
        parser.add_argument(
            "--max-wait",
            type=float,
            default=3600,
            metavar="SECONDS",
            help="for a full window; default: %(default)s",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if "ACTEON_LOG_LEVEL" not in os.environ:
            # Every provider call is a line at INFO: they would stand between the table and its reader.
            logging.getLogger().setLevel(logging.WARNING)
        start = embedded_start(options["host"], options["port"], options["fixtures"])
        system: EmbeddedSystem
        system = EmbeddedSystem(start.listening, on_ready=lambda: self._show(start, system, options))
        if code := system.run():
            raise SystemExit(code)
        self.stdout.write("Stopped.")

    def _show(self, start: EmbeddedStart, system: EmbeddedSystem, options: Mapping[str, Any]) -> None:
        try:
            with GatewayClient(start.url) as client:
                as_expected = self._conversation(client, start, options)
        except ClientError as error:
            if system.stopping:
                return  # Ctrl-C has taken the gateway away while we talked to it
            self.stderr.write(str(error))
            as_expected = False
        if options["once"]:
            system.stop(0 if as_expected else EXIT_DIFFERENT)

    def _conversation(self, client: GatewayClient, start: EmbeddedStart, options: Mapping[str, Any]) -> bool:
        console = self.console
        wait_until_ready(client)
        sent = send_samples(
            client,
            console,
            options["orders"],
            real_clock=options["real_clock"],
            max_wait=options["max_wait"],
        )
        as_expected = all(item.as_expected for item in sent)
        if not options["once"]:
            self.stdout.write("")
            announce(self.stdout, start)
        if options["once"] and not options["follow"]:
            return as_expected
        return watch_releases(client, console, sent) and as_expected
