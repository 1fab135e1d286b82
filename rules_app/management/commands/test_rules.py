"""`manage.py test_rules`: do the rules still do what their tests say?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from acteon_site.management.base import ExplainedCommand, table
from rules_app.config_kinds.rule_tests import Tested, run_tests
from rules_app.testing.reports import (
    COVERAGE_COLUMNS,
    TEST_COLUMNS,
    as_json,
    as_junit,
    coverage_rows,
    summary,
    test_rows,
)
from rules_app.testing.run import Report

HELP = """Run the tests that stand beside rules (rule_tests: in any YAML file of the folder): actions with a time, and
the outcome, verdict and rule that each must come to. Deduplicate and throttle rules are replayed in memory by the
functions that production counts with; no database is asked, except with --live."""
EXAMPLES = """examples:
  python manage.py test_rules fixtures/ecommerce
  python manage.py test_rules rules/ --format junit --min-coverage 80 > rules.xml
  python manage.py test_rules rules/ --live           # the same tests against the rules of the database

docs/rules.md has the form of tests.

exit codes: 0 all as expected, 1 a test failed, or less is covered than asked for, 2 wrong usage, or files that do not
load"""


class Command(ExplainedCommand):
    help = HELP
    examples = EXAMPLES
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "paths", nargs="*", type=Path, metavar="DIR|FILE", help="default: ACTEON_RULES_ROOT"
        )
        parser.add_argument("--format", choices=("table", "junit", "json"), default="table")
        parser.add_argument("--live", action="store_true", help="test the rules of the database")
        parser.add_argument(
            "--min-coverage",
            type=float,
            default=0,
            metavar="PERCENT",
            help="of the branches of all conditions",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        paths = options["paths"] or [Path(settings.RULES_ROOT)]
        tested = run_tests(paths, live=options["live"])
        if tested.report is None:
            lines = "\n".join(f"  {problem}" for problem in tested.problems)
            raise CommandError(f"Nothing was tested:\n{lines}", returncode=2)
        self._tell(tested.report, tested, options["format"])
        if tested.report.failed or tested.report.coverage.percent < options["min_coverage"]:
            raise SystemExit(1)

    def _tell(self, report: Report, tested: Tested, form: str) -> None:
        if form == "json":
            self.print_json(as_json(report, tested.places))
        elif form == "junit":
            self.stdout.write(as_junit(report, tested.places))
        else:
            self.console.print(table("Tests", TEST_COLUMNS, test_rows(report)))
            self.console.print(table("Coverage", COVERAGE_COLUMNS, coverage_rows(report)))
            self.console.print(summary(report), markup=False, soft_wrap=True)
