"""`manage.py legal_hold place|lift|list`: what must not be deleted, whatever retention says."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from acteon_site.base.clock_text import rfc3339, rfc3339_or_none
from acteon_site.base.errors import AppError
from acteon_site.management.base import ExplainedCommand, source_of, subparser, table, time_argument
from audit_app.models import LegalHold
from audit_app.services.legal_holds import holds_standing, legal_hold_lift, legal_hold_place

CODES = "\nexit codes: 0 done, 1 refused, 2 wrong usage"
SHOWN = (
    "id",
    "namespace",
    "tenant",
    "order",
    "from",
    "until",
    "placed by",
    "placed at",
    "reason",
    "lifted by",
)


class Command(ExplainedCommand):
    help = "Keep what an order, a tenant or a namespace has, until somebody lifts the hold."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        example = (
            "legal_hold place --namespace ecommerce --tenant acme-store --order ORD-7 --reason 'case 4711'"
        )
        place = subparser(verbs, "place", ("keep it from now on", example), CODES)
        place.add_argument("--namespace", required=True)
        place.add_argument("--tenant", required=True, help="* for all of the namespace")
        place.add_argument("--order", default="", help="the order's name; without, all that the tenant has")
        place.add_argument(
            "--from", dest="since", type=time_argument, help="only what was there since then: a day or a time"
        )
        place.add_argument("--until", type=time_argument, help="only what was there before then")
        place.add_argument("--reason", required=True)
        closed = "legal_hold lift ID --reason 'case 4711 is closed'"
        lift = subparser(verbs, "lift", ("let retention go on", closed), CODES)
        lift.add_argument("id", type=UUID)
        lift.add_argument("--reason", required=True)
        listed = subparser(verbs, "list", ("show those that stand", "legal_hold list --all --json"), CODES)
        listed.add_argument("--all", action="store_true", help="lifted ones, too")
        listed.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except AppError as error:
            raise CommandError(error.message) from error

    def _place(self, options: dict[str, Any]) -> None:
        hold = legal_hold_place(
            namespace=options["namespace"],
            tenant=options["tenant"],
            order_name=options["order"],
            held_from=options["since"],
            held_until=options["until"],
            reason=options["reason"],
            source=source_of("legal_hold"),
        )
        self.stdout.write(f"{hold.pk} holds {hold}")

    def _lift(self, options: dict[str, Any]) -> None:
        hold = legal_hold_lift(
            hold_id=options["id"], reason=options["reason"], source=source_of("legal_hold")
        )
        self.stdout.write(f"{hold.pk} is lifted: retention goes on with {hold}, unless another hold stands")

    def _list(self, options: dict[str, Any]) -> None:
        holds = LegalHold.objects.order_by("-placed_at") if options["all"] else holds_standing()
        if options["json"]:
            self.print_json([_json(hold) for hold in holds])
            return
        rows = [list(_json(hold).values())[: len(SHOWN)] for hold in holds]
        self.console.print(table("legal holds", SHOWN, rows))


def _json(hold: LegalHold) -> dict[str, Any]:
    return {
        "id": str(hold.pk),
        "namespace": hold.namespace,
        "tenant": hold.tenant,
        "order": hold.order_name,
        "from": rfc3339_or_none(hold.held_from),
        "until": rfc3339_or_none(hold.held_until),
        "placed_by": hold.placed_by,
        "placed_at": rfc3339(hold.placed_at),
        "reason": hold.reason,
        "lifted_by": hold.lifted_by,
        "lifted_at": rfc3339_or_none(hold.lifted_at),
        "lift_reason": hold.lift_reason,
    }
