"""`manage.py backtest_rules`: what would other rules have done with the orders of last week?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from acteon_site.base.clock_text import parse_time
from acteon_site.base.errors import AppError
from acteon_site.management.base import ExplainedCommand, operator_name
from rules_app.management.backtest_tables import shown
from rules_app.models import Backtest
from rules_app.services.backtest_process import WAITING, backtests_compute, processes_here
from rules_app.services.backtest_run import Told, backtest_run
from rules_app.services.backtests import ANY, Asked, backtest_request

HELP = """Decide the dispatches of the past by other rules: a draft's, a version's, or those in force. The clock is as
it was then, the gates are replayed in their order, and what would have become of each is compared with what did.
Nothing is dispatched, called or changed; the result is kept, and stands in the admin too."""
EXAMPLES = """examples:
  python manage.py backtest_rules --draft 3 --from 2026-03-01 --to 2026-04-01
  python manage.py backtest_rules --draft 3 --from 2026-03-31T22:00:00Z --tenant acme-store
  python manage.py backtest_rules --version 7 --from 2026-03-01 --format json

A day means its midnight, UTC. docs/rules.md says what is compared, and what cannot be known.

exit codes: 0 it was computed (--fail-on-change: and nothing would change), 1 it was not, or something would change,
2 wrong usage"""


class Command(ExplainedCommand):
    help = HELP
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        rules = parser.add_mutually_exclusive_group()
        rules.add_argument("--draft", type=int, metavar="N")
        rules.add_argument("--rules-version", type=int, metavar="N", help="default: the rules in force")
        parser.add_argument("--from", dest="begins", metavar="TIME", help="default: a week before the end")
        parser.add_argument("--to", dest="ends", metavar="TIME", help="default: now")
        parser.add_argument("--namespace", default=ANY, help="default: all")
        parser.add_argument("--tenant", default=ANY, help="default: all")
        parser.add_argument("--format", choices=("table", "json"), default="table")
        parser.add_argument(
            "--fail-on-change", action="store_true", help="exit with 1 where anything would change"
        )
        parser.add_argument(
            "--processes", type=int, default=processes_here(), metavar="N", help="default: %(default)s"
        )
        parser.add_argument(
            WAITING, action="store_true", help="compute what was asked for by others, and stop"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["waiting"]:
            backtests_compute()
            return
        try:
            row = backtest_request(asked=_asked(options), actor=operator_name("backtest_rules"), ring=False)
        except AppError as error:
            raise CommandError(error.message, returncode=2 if error.status == 422 else 1) from error
        with _progress(Console(stderr=True)) as told:
            backtest_run(row.pk, processes=options["processes"], told=told)
        found = Backtest.objects.filter(pk=row.pk).first()
        if found is None or found.state != Backtest.State.DONE:
            raise CommandError(found.problem if found and found.problem else "it was taken away meanwhile")
        self._tell(found, options)

    def _tell(self, found: Backtest, options: dict[str, Any]) -> None:
        summary = found.summary or {}
        if options["format"] == "json":
            self.print_json({"id": str(found.pk), "rules": found.title, **summary})
        else:
            shown(self.console, found)
        if options["fail_on_change"] and summary.get("changed"):
            raise SystemExit(1)


def _asked(options: dict[str, Any]) -> Asked:
    ends = _moment("--to", options["ends"]) if options["ends"] else timezone.now()
    begins = _moment("--from", options["begins"]) if options["begins"] else ends - timedelta(days=7)
    if begins >= ends:
        raise CommandError("--to must be later than --from", returncode=2)
    return Asked(
        begins,
        ends,
        draft=options["draft"],
        version=options["rules_version"],
        namespace=options["namespace"],
        tenant=options["tenant"],
    )


def _moment(option: str, text: str) -> datetime:
    """A time with its offset, or a day for its midnight, UTC."""
    if moment := parse_time(text):
        return moment
    try:
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d").date(), time(), UTC)  # noqa: DTZ007 - a day
    except ValueError:
        words = "must be a day such as 2026-03-31, or a time such as 2026-03-31T22:00:00Z"
        raise CommandError(f"{option} {words}, not {text!r}", returncode=2) from None


@contextmanager
def _progress(console: Console) -> Iterator[Told]:
    columns = (TextColumn("Backtest"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
