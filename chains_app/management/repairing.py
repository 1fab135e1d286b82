"""What the commands of repair share: options, what is done to many at once, and the words for what is refused."""

from __future__ import annotations

import argparse
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError
from django.db.models import QuerySet
from django.utils import timezone

from acteon_site.base.clock_text import span_text
from acteon_site.base.errors import AppError
from acteon_site.management.base import ExplainedCommand, source_of, table
from chains_app.listeners import owner_names
from chains_app.models import Run
from chains_app.services.repair import MOST, Repaired

EXIT_CODES = """
exit codes: 0 done, shown, or nothing to do; 1 refused (it says why), or some of many could not go on; 2 wrong usage"""
# Option → filter of the services, and what it says.
FILTERS = {
    "namespace": ("namespace", "only this namespace"),
    "tenant": ("tenant", "only this tenant"),
    "chain": ("chain_name", "only runs of this chain"),
    "reason": ("reason", "only this reason, as list shows it"),
    "step": ("step", "only those that stopped at this step"),
}
# What a person does next where something was refused.
NEXT = {
    "NOT_FOUND": "`list` shows what there is",
    "NOT_RUNNING": "`incidents show` tells how it stands",
    "NOT_A_DEAD_LETTER": "`incidents show` tells how its run stands",
    "COMPENSATED": "`dead_letters drain` takes it off the list once that is done",
    "PLACED_ANEW": "the newer order goes its own way; `dead_letters drain` takes this one off the list",
    "ORDER_GONE": "`dead_letters drain` takes it off the list",
    "POINT_OF_NO_RETURN": "`incidents retry` or `incidents skip` lets it go on",
    "OUTCOME_UNKNOWN": "say what you found with --outcome",
    "NOT_IN_DOUBT": "`incidents show` tells how it stands",
    "IS_A_REFUND": "`POST /v1/orders/{name}/settle` or the buttons on its page take that",
    "UNDOING": "`incidents retry` or `incidents skip` lets the undoing go on",
}
Outcomes = Sequence[Repaired[Any]]


class RepairCommand(ExplainedCommand):
    """Runs the method that is called after the subcommand: `_list`, `_retry`. `who` does it, for the trail."""

    name: str

    def handle(self, *args: Any, **options: Any) -> None:
        source = source_of(self.name)
        self.who: dict[str, Any] = {"actor": source.caller_id, "source": source}
        try:
            self.do(options)
        except AppError as error:
            raise _refusal(error) from error

    def do(self, options: dict[str, Any]) -> None:
        getattr(self, f"_{options['subcommand']}")(options)

    def do_many(
        self,
        found: QuerySet[Any],
        options: Mapping[str, Any],
        *,
        title: str,
        nothing: str,
        preview: Callable[[Sequence[Any]], Outcomes],
        act: Callable[[Sequence[Any]], Outcomes],
    ) -> None:
        """A preview of the oldest that match, or (with --yes) the deed. Exit code 1 where some could not go on."""
        matched, rows, done = found.count(), list(found[: options["limit"]]), options["yes"]
        outcomes = act(rows) if done else preview(rows)
        if options["json"]:
            self.print_json({"applied": done, "matched": matched, "runs": _outcome_rows(outcomes)})
        elif outcomes:
            self._show_outcomes(outcomes, done=done, title=title, matched=matched)
        else:
            self.stdout.write(nothing)
        if done and any(outcome.error for outcome in outcomes):
            raise SystemExit(1)

    def _show_outcomes(self, outcomes: Outcomes, *, done: bool, title: str, matched: int) -> None:
        """The table of a preview or of what was done, and one line below that says what it is."""
        shown = _outcome_rows(outcomes)
        columns = ("run", "order", "chain", "shop", "goes on" if done else "would go on")
        cells = ([*_about(row), "yes" if row["goes_on"] else f"no: {row['error']}"] for row in shown)
        self.console.print(table(f"{'Done' if done else 'Preview'}: {title}", columns, cells))
        able, count = sum(row["goes_on"] for row in shown), len(shown)
        more = (
            f" The oldest {count} of {matched} are shown; repeat it for the rest." if matched > count else ""
        )
        if done:
            self.stdout.write(f"{able} of {count} go on; a worker takes them within seconds.{more}")
        else:
            self.stdout.write(
                f"{able} of {count} would go on. Nothing was changed: add --yes to do it.{more}"
            )


def add_subcommand(added: Any, name: str, about: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = added.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=f"example:\n  python manage.py {example}\n{EXIT_CODES}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def add_filters(parser: argparse.ArgumentParser, *, limit: int = 100) -> None:
    for option, (_, about) in FILTERS.items():
        parser.add_argument(f"--{option}", metavar="NAME", help=about)
    parser.add_argument(
        "--limit", type=_limit, default=limit, metavar="N", help="the oldest N; default: %(default)s"
    )


def add_apply(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="no filter: all there are")
    parser.add_argument("--yes", action="store_true", help="do it; without it you see what would be done")


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST}")
    return int(text)


def filters_of(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[option] for option, (name, _) in FILTERS.items() if options[option] is not None}


def bulk_filters_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The filters of what changes many at once: some must be given, or --all."""
    filters = filters_of(options)
    if not filters and not options["all"]:
        raise CommandError(
            "say which: give a filter such as --tenant or --chain, or --all for all there are", returncode=2
        )
    if filters and options["all"]:
        raise CommandError("--all and a filter exclude each other", returncode=2)
    return filters


def _refusal(error: AppError) -> CommandError:
    """The refusal, and what to do next."""
    following = NEXT.get(error.code)
    return CommandError(f"{error.message}; {following}" if following else error.message)


def age_of(at: Any) -> str:
    return f"{span_text((timezone.now() - at).total_seconds())} ago"


def shop_of(run: Run) -> str:
    return f"{run.namespace}/{run.tenant}"


def _outcome_rows(rows: Outcomes) -> list[dict[str, Any]]:
    """What became of each, or would, as programs read it."""
    names = owner_names(row.run for row in rows)
    return [
        {
            "chain_id": str(row.run.pk),
            "order": names[row.run.pk],
            "chain_name": row.run.chain_name,
            "namespace": row.run.namespace,
            "tenant": row.run.tenant,
            "goes_on": row.error is None,
            "code": row.error.code if row.error else None,
            "error": row.error.message if row.error else None,
        }
        for row in rows
    ]


def _about(row: Mapping[str, Any]) -> Iterable[str]:
    return row["chain_id"], row["order"], row["chain_name"], f"{row['namespace']}/{row['tenant']}"
