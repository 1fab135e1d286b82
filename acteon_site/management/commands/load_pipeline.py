"""`manage.py load_pipeline`: put files of configuration in force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import OperationalError

from acteon_site.config_files.load import LoadReport, load_paths
from acteon_site.config_files.problems import LoadRefused
from acteon_site.config_files.show import refusal_text, show_load
from acteon_site.config_files.watch import watch_paths
from acteon_site.management.base import ExplainedCommand, operator_name

HELP = """Load rules, providers, circuit breakers, chains, lifecycles, redaction, quotas, retention and
templates from YAML and TOML files. All or nothing; loading the same files again changes nothing.

A load owns what came from the same source (--source, or the directory's name) and removes what a directory or
TOML file no longer holds. What people made stays; a loaded item that a person edited since is refused without
--force. YAML files named one by one only add and change."""
EXAMPLES = """examples:
  python manage.py load_pipeline fixtures/ecommerce
  python manage.py load_pipeline fixtures/ecommerce --dry-run
  python manage.py load_pipeline fixtures/ecommerce/acteon.toml
  python manage.py load_pipeline rules/fraud.yaml --source ecommerce
  python manage.py load_pipeline fixtures/ecommerce --watch      # load again on every change, Ctrl-C ends

Secrets of providers are written as ${NAME}; docs/configuration.md has every key.

exit codes: 0 loaded, nothing to do, or a dry run without problems; 1 refused, nothing was changed (every
problem is printed as file:line: kind "name": field: message); 2 wrong usage"""


class Command(ExplainedCommand):
    help = HELP
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="DIR|FILE", help="what to load")
        parser.add_argument(
            "--source", metavar="NAME", help="whose files these are (default: the directory's name)"
        )
        parser.add_argument(
            "--force", action="store_true", help="overwrite loaded items that people edited since"
        )
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
        mode.add_argument("--watch", action="store_true", help="load again whenever a file changes")

    def handle(self, *args: Any, **options: Any) -> None:
        missing = [str(path) for path in options["paths"] if not path.exists()]
        if missing:
            raise CommandError(f"there is no {', '.join(missing)}")
        if options["watch"]:
            watch_paths(options["paths"], lambda: self._reload(options))
            return
        try:
            self._show(self._load(options), options)
        except LoadRefused as refused:
            raise CommandError(refusal_text(refused)) from None

    def _load(self, options: dict[str, Any]) -> LoadReport:
        return load_paths(
            options["paths"],
            actor=operator_name("load_pipeline"),
            source=options["source"],
            force=options["force"],
            dry_run=options["dry_run"],
        )

    def _show(self, report: LoadReport, options: dict[str, Any]) -> None:
        if options["verbosity"] > 0:
            show_load(self.console, report, everything=options["verbosity"] > 1)

    def _reload(self, options: dict[str, Any]) -> None:
        """One load of a watch: trouble is told, and the last good configuration stays in force."""
        try:
            self._show(self._load(options), options)
        except LoadRefused as refused:
            self.stderr.write(refusal_text(refused))
        except OperationalError as error:
            name = type(error).__name__
            self.stderr.write(f"The database does not answer ({name}); waiting for the next change.")
