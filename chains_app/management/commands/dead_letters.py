"""`manage.py dead_letters …`: orders' runs that failed for good, until somebody replays or drains them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from acteon_site.base.clock_text import rfc3339
from acteon_site.base.ids import as_uuid
from acteon_site.management.base import table
from chains_app.api.run_shapes import dead_letter_shapes
from chains_app.listeners import owner_names
from chains_app.management.repairing import (
    EXIT_CODES,
    RepairCommand,
    add_apply,
    add_filters,
    add_subcommand,
    age_of,
    bulk_filters_of,
    filters_of,
    shop_of,
)
from chains_app.models import Run
from chains_app.services.repair import (
    dead_letter_counts,
    dead_letter_dismiss,
    dead_letter_replay,
    dead_letters,
    dead_letters_drain,
    dead_letters_preview,
    dead_letters_replay,
    failed_steps,
)

ID = "01a20300-0000-7000-8000-000000000001"
EXAMPLES = f"""examples:
  python manage.py dead_letters stats
  python manage.py dead_letters list --tenant acme-store --chain order-processing
  python manage.py dead_letters replay {ID}
  python manage.py dead_letters replay --step fulfill
  python manage.py dead_letters replay --step fulfill --yes
  python manage.py dead_letters drain --tenant acme-store --json --yes > letters.json

Replay resumes the run at its failed step, with what it has done and the chain's version kept. Drain takes the
letters off the list; the runs stay. With an ID it is done at once, with filters you see first what would be done.
{EXIT_CODES}"""
SUBCOMMANDS = {
    "list": ("list them with reason, order, chain, step and age", "list --chain order-processing"),
    "stats": ("count them by shop, chain and reason", "stats"),
    "replay": ("let them go on at the step that failed", "replay --chain order-processing --yes"),
    "drain": ("take them off the list", f"drain {ID}"),
}


class Command(RepairCommand):
    name = "dead_letters"
    help = "Dead letters, which are runs that failed for good: list, count, replay, drain."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        added = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
        for name, (about, example) in SUBCOMMANDS.items():
            sub = add_subcommand(added, name, about, f"dead_letters {example}")
            add_filters(sub)
            if name in ("replay", "drain"):
                sub.add_argument("ids", nargs="*", metavar="ID", help="of a run, as list shows it")
                add_apply(sub)

    def do(self, options: dict[str, Any]) -> None:
        return self._named(options) if options.get("ids") else super().do(options)

    def _list(self, options: dict[str, Any]) -> None:
        found = dead_letters(**filters_of(options)).select_related("version")
        letters = list(found[: options["limit"]])
        if options["json"]:
            return self.print_json(_shapes(letters))
        if not letters:
            return self.stdout.write("There are no dead letters.")
        return self._table("Dead letters", letters)

    def _stats(self, options: dict[str, Any]) -> None:
        counts = dead_letter_counts(dead_letters(**filters_of(options)))
        total = sum(row.count for row in counts)
        if options["json"]:
            keys = ("namespace", "tenant", "chain_name", "reason", "count")
            kinds = [
                {key: getattr(row, key) for key in keys} | {"oldest": rfc3339(row.oldest)} for row in counts
            ]
            return self.print_json({"count": total, "kinds": kinds})
        if counts:
            cells = (
                (f"{row.namespace}/{row.tenant}", row.chain_name, row.reason, row.count, age_of(row.oldest))
                for row in counts
            )
            self.console.print(table("Dead letters", ("shop", "chain", "reason", "count", "oldest"), cells))
        return self.stdout.write(f"{total} in all.")

    def _replay(self, options: dict[str, Any]) -> None:
        self.do_many(
            dead_letters(**bulk_filters_of(options)),
            options,
            title="replay dead letters",
            nothing="No dead letter matches.",
            preview=lambda rows: dead_letters_preview(letters=rows),
            act=lambda rows: dead_letters_replay(letters=rows, **self.who),
        )

    def _drain(self, options: dict[str, Any]) -> None:
        found, limit = dead_letters(**bulk_filters_of(options)).select_related("version"), options["limit"]
        done = options["yes"]
        letters = dead_letters_drain(letters=found, limit=limit, **self.who) if done else list(found[:limit])
        if options["json"]:
            return self.print_json({"applied": done, "entries": _shapes(letters)})
        if letters:
            self._table("Taken off the list" if done else "Preview: drain", letters)
        elif not done:
            return self.stdout.write("No dead letter matches.")
        count = len(letters)
        return self.stdout.write(
            f"{count} taken off the list; their runs stay."
            if done
            else f"{count} would be taken off the list. Nothing was changed: add --yes to do it."
        )

    def _named(self, options: dict[str, Any]) -> None:
        """Those whose ids were given, one after the other; the first that is refused ends it."""
        if filters_of(options) or options["all"]:
            raise CommandError("give ids or filters, not both", returncode=2)
        replay = options["subcommand"] == "replay"
        act = dead_letter_replay if replay else dead_letter_dismiss
        words = "goes on at its failed step" if replay else "is off the list; it stays as it ended"
        done = []
        for pk in [_id(text) for text in options["ids"]]:
            done.append(run := act(run_id=pk, **self.who))
            if not options["json"]:
                self.stdout.write(f"Order {owner_names([run])[pk]}: the run {pk} {words}.")
        if options["json"]:
            self.print_json({"applied": True, "entries": _shapes(done)})

    def _table(self, title: str, letters: list[Run]) -> None:
        names, steps = owner_names(letters), failed_steps(letters)
        cells = (
            (
                *(run.pk, age_of(run.dead_lettered_at or run.ended_at), run.error_code, names[run.pk]),
                *(run.chain_name, steps[run.pk].name if run.pk in steps else "", shop_of(run), run.error),
            )
            for run in letters
        )
        columns = ("run", "failed", "reason", "order", "chain", "step", "shop", "error")
        self.console.print(table(title, columns, cells))


def _id(text: str) -> UUID:
    pk = as_uuid(text)
    if pk is None:
        raise CommandError(f"{text!r} is no id of a run; `dead_letters list` shows them")
    return pk


def _shapes(letters: list[Run]) -> list[dict[str, Any]]:
    names = owner_names(letters)
    return [
        {**shown, "order": names[run.pk]}
        for run, shown in zip(letters, dead_letter_shapes(letters), strict=True)
    ]
