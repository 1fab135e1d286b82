"""`manage.py doctor`: everything that can be looked at from here, how it stands, and what to do."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from django.core.management.base import CommandParser

from acteon_site.base.findings import State
from acteon_site.management.base import ExplainedCommand, table
from acteon_site.watching.checkups.table import Report, look_at_all

EXAMPLES = """examples:
  python manage.py doctor
  python manage.py doctor --json
  python manage.py doctor --only-trouble

It changes nothing and calls no provider; of a provider it asks the name server for the address.

exit codes: 0 all is well, 1 something fails, 2 wrong usage, 3 nothing fails and something wants a look"""
MARKS = {State.OK: "ok", State.WARN: "WARN", State.FAIL: "FAIL"}
EXIT_CODES = ((State.FAIL, 1), (State.WARN, 3))


class Command(ExplainedCommand):
    help = "Look at configuration, services, clocks, keys, queues and disks, and say what to do."
    examples = EXAMPLES
    # It tells of them itself, and of all else as well.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print for programs")
        parser.add_argument("--only-trouble", action="store_true", help="leave out what is well")

    def handle(self, *args: Any, **options: Any) -> None:
        reports = list(look_at_all())
        shown = [one for one in reports if not options["only_trouble"] or one.finding.state != State.OK]
        if options["json"]:
            self.print_json({"state": _worst(reports), "checks": [_json(one) for one in shown]})
        else:
            rows = [(MARKS[one.finding.state], one.name, one.finding.text, one.finding.todo) for one in shown]
            self.console.print(table("doctor", ("", "what", "how it stands", "what to do"), rows))
            counts = Counter(one.finding.state for one in reports)
            self.stdout.write(", ".join(f"{counts[state]} {state}" for state in State))
        code = next((code for state, code in EXIT_CODES if _worst(reports) == state), 0)
        if code:
            sys.exit(code)


def _worst(reports: list[Report]) -> State:
    found = {one.finding.state for one in reports}
    return next(state for state in (State.FAIL, State.WARN, State.OK) if state in found or state == State.OK)


def _json(report: Report) -> dict[str, str]:
    finding = report.finding
    return {"name": report.name, "state": finding.state, "text": finding.text, "todo": finding.todo}
