"""What management commands share: who runs them, help with examples, tables for people and JSON for programs."""

from __future__ import annotations

import argparse
import getpass
import json
from argparse import RawDescriptionHelpFormatter
from datetime import UTC, datetime
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from acteon_site.base.clock_text import parse_time
from acteon_site.base.source import Source
from acteon_site.base.terminal import console_for, table
from acteon_site.watching.checks import INSTALLATION

__all__ = [
    "AUTH_METHOD",
    "ExplainedCommand",
    "operator_name",
    "source_of",
    "subparser",
    "table",
    "time_argument",
]
AUTH_METHOD = "command"


class ExplainedCommand(BaseCommand):
    """A command whose help ends with `examples` and exit codes, and that prints tables or JSON."""

    examples = ""
    # Whether settings are safe, which takes no time; Django's own checks import every page, which takes a second.
    requires_system_checks: list[str] | tuple[str, ...] = (INSTALLATION,)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs |= {"epilog": self.examples, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    @property
    def console(self) -> Console:
        return console_for(cast(IO[str], self.stdout))

    def print_json(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, indent=2, ensure_ascii=False))


def subparser(added: Any, name: str, told: tuple[str, str], exit_codes: str) -> argparse.ArgumentParser:
    """Add one of several commands in one. `told`: its help, which begins small, and an example."""
    description, example = told
    parser: argparse.ArgumentParser = added.add_parser(
        name,
        help=description,
        description=description[0].upper() + description[1:] + ".",
        epilog=f"example:\n  python manage.py {example}\n{exit_codes}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    return parser


def operator_name(command: str) -> str:
    """Who runs the command, for the trail."""
    try:
        return f"{getpass.getuser()} ({command})"
    except (OSError, KeyError):  # a container whose user has no name
        return command


def source_of(command: str) -> Source:
    return Source(operator_name(command), AUTH_METHOD, "")


def time_argument(text: str) -> datetime:
    """A day, which begins at midnight UTC, or a moment."""
    if moment := parse_time(text):
        return moment
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        wanted = "a day like 2026-01-31 or an RFC 3339 time with offset, like 2026-01-31T12:00:00Z"
        raise argparse.ArgumentTypeError(f"{text!r} is no time: {wanted}") from None
