"""`manage.py pipeline …`: the guide's six scripts, through the public API of any gateway."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from acteon_site.client import cli
from acteon_site.client.errors import ClientError
from acteon_site.client.http import GatewayClient
from acteon_site.client.samples import SAMPLE_ORDERS
from acteon_site.management.base import ExplainedCommand, subparser

EXIT_CODES = """
exit codes: 0 done, 1 something is not as expected, 2 wrong usage, 3 no gateway answers, 4 it refused"""
EXAMPLES = f"""examples:
  python manage.py pipeline setup
  python manage.py pipeline send-orders --real-clock
  python manage.py pipeline report --url https://orders.example.com --api-key acteon_...
{EXIT_CODES}"""
# name → help, example
SUBCOMMANDS = {
    "setup": ("create the shop's quota and retention policy", "pipeline setup --tenant acme-store"),
    "send-orders": (
        "send the 15 sample orders and compare each outcome",
        "pipeline send-orders --run-id monday-1",
    ),
    "manage-order": ("place one order and move it to delivered", "pipeline manage-order --order-id ORD-77"),
    "stream-orders": (
        "listen to the event stream while three orders are sent",
        "pipeline stream-orders --seconds 10",
    ),
    "report": ("show audit, chains, events, providers, quotas, retention, breakers", "pipeline report"),
    "teardown": ("delete what setup has created", "pipeline teardown"),
}


class Command(ExplainedCommand):
    help = "The e-commerce pipeline from a client's side: set up, send orders, watch, report, clean up."
    examples = EXAMPLES
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        added = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
        parsers = {name: _subparser(added, name) for name in SUBCOMMANDS}
        for name in ("send-orders", "manage-order", "stream-orders"):
            parsers[name].add_argument("--real-clock", action="store_true", help="decide by the real hour")
            parsers[name].add_argument(
                "--max-wait",
                type=float,
                default=90,
                metavar="S",
                help="for a full window; default: %(default)s",
            )
        sending = parsers["send-orders"]
        sending.add_argument("--run-id", help="part of every order's id; default: a new one")
        sending.add_argument(
            "--orders", type=Path, default=SAMPLE_ORDERS, metavar="FILE", help="other sample orders"
        )
        parsers["manage-order"].add_argument("--order-id", help="default: a new one")
        parsers["stream-orders"].add_argument(
            "--seconds", type=float, default=8, help="how long to listen on; default: %(default)s"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        console = self.console
        try:
            with GatewayClient(options["url"], options["api_key"]) as client:
                code = cli.COMMANDS[options["subcommand"]](client, console, options)
        except ClientError as error:
            raise CommandError(str(error), returncode=error.exit_code) from error
        if code:
            raise SystemExit(code)


def _subparser(added: Any, name: str) -> argparse.ArgumentParser:
    parser = subparser(added, name, SUBCOMMANDS[name], EXIT_CODES)
    url = os.environ.get("ACTEON_URL", "http://127.0.0.1:8080")
    parser.add_argument("--url", default=url, help="the gateway; ACTEON_URL, default: %(default)s")
    parser.add_argument("--api-key", default=os.environ.get("ACTEON_API_KEY"), help="or ACTEON_API_KEY")
    parser.add_argument("--namespace", help="default: ecommerce")
    parser.add_argument("--tenant", help="default: acme-store")
    return parser
