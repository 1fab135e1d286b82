"""`manage.py rule_lists …`: the lists that rules ask by name, from a shell."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from acteon_site.base.errors import AppError
from acteon_site.management.base import ExplainedCommand, subparser
from rules_app.engine.named_lists import MATCHINGS
from rules_app.management.lists_cli import COMMANDS

EXIT_CODES = """
exit codes: 0 done, 1 refused (the reason is told), 2 wrong usage"""
EXAMPLES = f"""examples:
  python manage.py rule_lists make sanctioned-countries --description "Where nothing is sent"
  python manage.py rule_lists import sanctioned-countries countries.csv --dry-run
  python manage.py rule_lists add blocked-emails eve@example.com --note "charged back" --until 2027-01-01T00:00:00Z
  python manage.py rule_lists show blocked-emails --find eve@example.com
  python manage.py rule_lists export blocked-emails --namespace ecommerce > blocked.csv

A list of a namespace or tenant is named with --namespace and --tenant; without, it is the one that all share.
{EXIT_CODES}"""
# name → help, example
SUBCOMMANDS = {
    "list": ("list the lists", "rule_lists list"),
    "make": ("make an empty list", "rule_lists make blocked-emails --matching folded"),
    "show": ("show what is on a list", "rule_lists show blocked-emails --limit 20"),
    "add": ("put values on a list", 'rule_lists add blocked-emails eve@example.com --note "charged back"'),
    "remove": ("take values off a list", "rule_lists remove blocked-emails eve@example.com"),
    "import": (
        "put the values of a file on a list: CSV with a column value, or one value on each line",
        "rule_lists import sanctioned-countries countries.csv --replace",
    ),
    "export": ("write a list as CSV", "rule_lists export blocked-emails > blocked.csv"),
    "delete": ("delete a list that no rule needs", "rule_lists delete old-list"),
}


class Command(ExplainedCommand):
    help = "Named lists: make, fill, look up, import, export."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        added = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
        parsers = {name: subparser(added, name, SUBCOMMANDS[name], EXIT_CODES) for name in SUBCOMMANDS}
        for name, one in parsers.items():
            if name != "list":
                _place_arguments(one)
        parsers["make"].add_argument("--matching", choices=MATCHINGS, default="exact", help="default: exact")
        parsers["make"].add_argument("--description", default="", help="what it is for")
        for name in ("add", "remove"):
            parsers[name].add_argument("values", nargs="+", metavar="VALUE")
        parsers["add"].add_argument("--note", default="", help="why; it stands beside each value")
        parsers["add"].add_argument("--until", metavar="TIME", help="expiry, such as 2027-01-01T00:00:00Z")
        parsers["show"].add_argument("--limit", type=int, default=50, help="default: %(default)s, the newest")
        parsers["show"].add_argument(
            "--find", metavar="VALUE", help="this value alone, with who put it there"
        )
        parsers["import"].add_argument("file", type=Path, metavar="FILE")
        parsers["import"].add_argument(
            "--replace", action="store_true", help="what the file does not hold goes"
        )
        parsers["import"].add_argument(
            "--dry-run", action="store_true", help="say what is new, double and bad"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            COMMANDS[options["subcommand"]](self.console, options)
        except (AppError, OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error


def _place_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what the list is called")
    parser.add_argument("--namespace", default="*", help="whose list; default: the one that all share")
    parser.add_argument("--tenant", default="*", help="of that namespace; default: all of its tenants")
