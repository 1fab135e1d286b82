"""`manage.py draw_ties`: find who placed older orders, from the stored actions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from acteon_site.base.ids import as_uuid
from acteon_site.management.base import ExplainedCommand
from orders_app.services.older_ties import BATCH, Drawn, actions_before, ties_draw_older

EXAMPLES = """examples:
  python manage.py draw_ties
  python manage.py draw_ties --before 01a22324-e3eb-7180-a14f-7eae733983c6

Orders are tied by customer, e-mail, card and address as they come. This does it for those from before: from before an
upgrade, or older than the events that are kept. It goes from the newest action to the oldest and says how far it is; it
may be stopped at any time, run beside a working gateway, and run again: what is drawn already stays as it is.

exit codes: 0 done, 1 not done, 2 wrong usage"""


class Command(ExplainedCommand):
    help = "Draw the ties of older orders from the stored actions."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--before", default="", help="go on where an earlier run stopped: the id that it said"
        )
        parser.add_argument("--batch", type=int, default=BATCH, help=f"actions of a transaction ({BATCH})")

    def handle(self, *args: Any, **options: Any) -> None:
        before = as_uuid(options["before"]) if options["before"] else None
        if options["before"] and before is None:
            raise CommandError(f"{options['before']!r} is no id: take the one that the last line said")
        if options["batch"] < 1:
            raise CommandError("--batch must be at least 1")
        left, total = actions_before(before), Drawn()
        while (drawn := ties_draw_older(before=before, batch=options["batch"])).actions:
            total, before = total.plus(drawn), drawn.last
            self._tell(total, left, before)
        self.stdout.write(
            f"done: {total.ties:,} ties of {total.actions:,} actions; {total.unread:,} could not be read"
        )

    def _tell(self, total: Drawn, left: int, before: UUID | None) -> None:
        of = f" of about {left:,}" if left else ""
        self.stdout.write(f"{total.actions:,}{of} actions, {total.ties:,} ties drawn; --before {before}")
