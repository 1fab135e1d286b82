"""`manage.py rules …`: drafts and versions of the rules, from a shell."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from acteon_site.base.errors import AppError
from acteon_site.management.base import ExplainedCommand, subparser
from rules_app.management.rules_cli import COMMANDS
from rules_app.services.stages import STAGES

EXIT_CODES = """
exit codes: 0 done, 1 refused (the reason is told), 2 wrong usage"""
EXAMPLES = f"""examples:
  python manage.py rules draft --name "spring sale" --put sale.yaml
  python manage.py rules draft 3
  python manage.py rules publish 3 --reason "The sale begins"
  python manage.py rules versions
  python manage.py rules diff 7 8
  python manage.py rules restore 7 --reason "It held too many orders"
  python manage.py rules report deny-odd-emails --days 7
  python manage.py rules stage deny-odd-emails live --percent 10 --reason "A good week in shadow"
{EXIT_CODES}"""
# name → help, example
SUBCOMMANDS = {
    "drafts": ("list the open drafts, or all of them", "rules drafts --all"),
    "draft": (
        "show a draft; begin one, or change it by a file of rules",
        'rules draft --name "spring sale" --put sale.yaml --remove deny-unmatched',
    ),
    "publish": ("put a draft in force", 'rules publish 3 --reason "The sale begins"'),
    "discard": ("close a draft without any effect", "rules discard 3"),
    "versions": ("list the versions, the newest first", "rules versions --limit 50"),
    "diff": ("show what lies between two versions", "rules diff 7 8"),
    "schema": ("print the JSON Schema of the rules' YAML, for editors", "rules schema > rules.schema.json"),
    "restore": ("put an older version in force again", 'rules restore 7 --reason "Too many holds"'),
    "report": (
        "tell what a rule in shadow, or for a share of orders, came to",
        "rules report deny-odd-emails --days 7",
    ),
    "stage": (
        "put a rule in shadow, live, or live for all orders",
        'rules stage deny-odd-emails live --percent 10 --reason "A good week in shadow"',
    ),
}


class Command(ExplainedCommand):
    help = "Drafts and versions of the rules: change without deciding, publish with a reason, go back."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        added = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
        parsers = {name: subparser(added, name, SUBCOMMANDS[name], EXIT_CODES) for name in SUBCOMMANDS}
        parsers["drafts"].add_argument("--all", action="store_true", help="the closed ones too")
        _draft_arguments(parsers["draft"])
        for name, what in (("publish", "draft"), ("discard", "draft"), ("restore", "version")):
            parsers[name].add_argument("number", type=int, metavar="N", help=f"the {what}")
        for name in ("report", "stage"):
            parsers[name].add_argument("name", metavar="RULE", help="its name")
        parsers["report"].add_argument("--days", type=int, default=30, help="back from now (%(default)s)")
        parsers["stage"].add_argument("stage", choices=tuple(STAGES), help="how far it is to go")
        parsers["stage"].add_argument("--percent", type=float, metavar="N", help="of orders, from 1 to 100")
        for name in ("publish", "restore", "stage"):
            parsers[name].add_argument("--reason", required=True, help="why; it stands with the version")
        parsers["versions"].add_argument("--limit", type=int, default=20, help="default: %(default)s")
        parsers["diff"].add_argument("before", type=int, metavar="A", help="a version")
        parsers["diff"].add_argument("after", type=int, metavar="B", help="another")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            COMMANDS[options["subcommand"]](self.console, options)
        except (AppError, OSError) as error:
            raise CommandError(_told(error)) from error


def _draft_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=int, nargs="?", metavar="N", help="the draft; without, one is begun")
    parser.add_argument("--name", help="what a new draft is for")
    parser.add_argument(
        "--put", type=Path, metavar="FILE", help="YAML with `rules`, `counters`, made so in the draft"
    )
    parser.add_argument(
        "--remove", action="append", default=[], metavar="RULE", help="taken out in the draft"
    )


def _told(error: Exception) -> str:
    details = error.details if isinstance(error, AppError) else ()
    lines = [f"  {problem.field}: {problem.message}" for problem in details]
    return "\n".join([str(error), *lines])
