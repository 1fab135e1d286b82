"""`manage.py export_evidence`: the evidence of a range, for an auditor."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from acteon_site.base.errors import AppError
from acteon_site.management.base import ExplainedCommand, source_of, time_argument
from audit_app.evidence.parts import Span
from audit_app.services.evidence import Evidence, evidence_export

EXAMPLES = """examples:
  python manage.py export_evidence --namespace ecommerce --tenant acme-store \\
    --from 2026-01-01 --to 2026-04-01 --out q1.zip
  python manage.py export_evidence --namespace ecommerce --tenant acme-store --from 2026-03-31T22:00:00Z \\
    --to 2026-04-01T00:00:00Z --out q1/

A day begins at midnight UTC. Hand the file over together with the SHA-256 that is printed, by another way.
The export itself stands in the trail.

exit codes: 0 written, 1 not written, 2 wrong usage"""


class Command(ExplainedCommand):
    help = "Write a range of the trail, with what was in force and decided, and a script that checks it."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--namespace", required=True)
        parser.add_argument("--tenant", required=True)
        parser.add_argument("--from", dest="since", required=True, type=time_argument, metavar="TIME")
        parser.add_argument("--to", dest="until", required=True, type=time_argument, metavar="TIME")
        parser.add_argument(
            "--out", required=True, help="a .zip, or a folder that does not exist or is empty"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        span = Span(options["namespace"], options["tenant"], options["since"], options["until"])
        target = Path(options["out"])
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise CommandError(f"{target} exists already; name another")
        try:
            done = self._export(span, target)
        except AppError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{target}: {error.strerror or error}") from error
        self.stdout.write(f"{done.records} records of {span.namespace}/{span.tenant} in {target}")
        self.stdout.write(f"SHA-256 of manifest.json: {done.manifest_sha256}")

    def _export(self, span: Span, target: Path) -> Evidence:
        """Whole or not at all: what is cut off leaves nothing under that name."""
        folder = target.resolve().parent
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{target.name}") as stream:
            done = evidence_export(
                span=span, out=stream, source=source_of("export_evidence"), progress=self._tell
            )
            stream.flush()
            if target.suffix == ".zip":
                shutil.copyfile(stream.name, target)
            else:
                with zipfile.ZipFile(stream.name) as archive:
                    archive.extractall(target)
        return done

    def _tell(self, records: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{records:,} records", ending="")
            self.stderr.flush()
