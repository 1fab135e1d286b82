"""`manage.py recurring …`: what fires when, from a shell."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError, CommandParser

from acteon_site.base.errors import AppError
from acteon_site.management.base import ExplainedCommand, subparser
from orders_app.management.recurring_cli import COMMANDS

EXIT_CODES = """
exit codes: 0 done, 1 refused (the reason is told), 2 wrong usage"""
EXAMPLES = f"""examples:
  python manage.py recurring list --namespace ecommerce
  python manage.py recurring next morning-report --zone Europe/Berlin
  python manage.py recurring next "0 9 * * MON-FRI" --zone America/New_York
  python manage.py recurring history morning-report --count 20
  python manage.py recurring pause morning-report
{EXIT_CODES}"""
# name → help, example
SUBCOMMANDS = {
    "list": ("list recurring actions with their next time and last outcome", "recurring list"),
    "next": ("show when one fires next, or an expression would", 'recurring next "*/15 * * * *"'),
    "history": ("show what one has fired and passed over", "recurring history morning-report"),
    "pause": ("pause one", "recurring pause morning-report"),
    "resume": ("resume one", "recurring resume morning-report"),
}


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("must be a whole number from 1")
    return int(text)


class Command(ExplainedCommand):
    help = "Recurring actions: list them, their next times, what they have fired; pause and resume."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        added = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
        parsers = {name: subparser(added, name, SUBCOMMANDS[name], EXIT_CODES) for name in SUBCOMMANDS}
        for name, one in parsers.items():
            if name != "list":
                one.add_argument("what", metavar="NAME", help="its name or id")
            one.add_argument("--namespace", default="", help="of this namespace alone")
            one.add_argument("--tenant", default="", help="of this tenant alone")
        parsers["next"].add_argument("--zone", default="UTC", help="the viewer's; of an expression, its own")
        for name in ("next", "history"):
            parsers[name].add_argument("--count", type=_count, default=10, help="default: %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            COMMANDS[options["subcommand"]](self.console, options)
        except AppError as error:
            raise CommandError(str(error)) from error
