"""`manage.py export_pipeline`: write the configuration in force as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from acteon_site.base.errors import AppError
from acteon_site.config_files.export import export_to
from acteon_site.config_files.show import show_export
from acteon_site.management.base import ExplainedCommand

HELP = """Write everything that load_pipeline can load as YAML files, which it reads back unchanged: what was
loaded and what people made or edited since. Secrets are written as ${NAME}, never in the clear."""
EXAMPLES = """examples:
  python manage.py export_pipeline backup/
  python manage.py export_pipeline backup/ --force              # over an earlier export
  python manage.py export_pipeline edited/ --source ecommerce   # only what belongs to that source

exit codes: 0 written, 1 not written, 2 wrong usage"""


class Command(ExplainedCommand):
    help = HELP
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIR", help="where to; made where it is missing")
        parser.add_argument("--source", metavar="NAME", help="only what was loaded from this source")
        parser.add_argument("--force", action="store_true", help="overwrite an earlier export")

    def handle(self, *args: Any, **options: Any) -> None:
        directory: Path = options["directory"]
        try:
            report = export_to(directory, source=options["source"], overwrite=options["force"])
        except (AppError, OSError) as error:
            raise CommandError(str(error)) from error
        if options["verbosity"] > 0:
            show_export(self.console, str(directory), report)
