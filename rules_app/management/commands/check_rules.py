"""`manage.py check_rules`: what is wrong with rules, before they run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from acteon_site.management.base import ExplainedCommand, table
from rules_app.checking import Severity
from rules_app.checking.kinds.registry import MEANINGS
from rules_app.checking.reports import COLUMNS, Located, as_json, as_junit, as_sarif
from rules_app.config_kinds.checks import Checkup, check_database, check_files

FORMATS = ("table", "junit", "sarif", "json")
LEVELS = {one.word: one for one in sorted(Severity, reverse=True)}
HELP = """Find what is wrong with rules without running them: conditions that never or always hold, rules that nothing
reaches, denials that are walked past, values that no order has. Files and folders are checked by themselves, without a
database; without a path, the rules of the database, with the payloads that the audit trail has seen."""
EXAMPLES = """examples:
  python manage.py check_rules
  python manage.py check_rules fixtures/ecommerce
  python manage.py check_rules rules/ --format sarif > rules.sarif
  python manage.py check_rules rules/ --format junit --fail-on error --ignore missing-catch-all

docs/rules.md says what each finding means.

exit codes: 0 nothing at or above --fail-on, 1 something is, 2 wrong usage"""


class Command(ExplainedCommand):
    help = HELP
    examples = EXAMPLES
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="*", type=Path, metavar="DIR|FILE", help="default: the database")
        parser.add_argument("--format", choices=FORMATS, default="table", help="default: %(default)s")
        parser.add_argument(
            "--fail-on",
            choices=(*LEVELS, "never"),
            default="warning",
            help="from which severity on to exit with 1; default: %(default)s",
        )
        parser.add_argument(
            "--ignore",
            action="append",
            default=[],
            choices=MEANINGS,
            metavar="FINDING",
            help="may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        missing = [str(path) for path in options["paths"] if not path.exists()]
        if missing:
            raise CommandError(f"there is no {', '.join(missing)}", returncode=2)
        checkup = check_files(options["paths"]) if options["paths"] else check_database()
        found = [one for one in checkup.found if one.finding.id not in options["ignore"]]
        fail_on = LEVELS.get(options["fail_on"])
        self._tell(found, checkup, options["format"], fail_on)
        if fail_on is not None and any(one.finding.severity >= fail_on for one in found):
            raise SystemExit(1)

    def _tell(self, found: list[Located], checkup: Checkup, form: str, fail_on: Severity | None) -> None:
        if form == "json":
            self.print_json(as_json(found, checkup.rules))
        elif form == "sarif":
            self.print_json(as_sarif(found))
        elif form == "junit":
            self.stdout.write(as_junit(found, checkup.rules, fail_on))
        else:
            self._table(found, checkup)

    def _table(self, found: list[Located], checkup: Checkup) -> None:
        console = self.console
        if found:
            console.print(table(f"Findings in {checkup.what}", COLUMNS, (one.row() for one in found)))
        for one in found:
            if one.finding.example:
                shown = json.dumps(one.finding.example, ensure_ascii=False)
                title = f"{one.finding.rule or one.finding.id}, for example: "
                console.print(f"{title}{shown}", markup=False, soft_wrap=True)
        noun = "rule" if len(checkup.rules) == 1 else "rules"
        count = f"{len(found)} finding{'' if len(found) == 1 else 's'}" if found else "nothing to mind"
        console.print(f"{len(checkup.rules)} {noun} in {checkup.what}: {count}", markup=False, soft_wrap=True)
