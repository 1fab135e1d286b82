"""`manage.py explain_order ID`: why an order fared as it did."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from acteon_site.management.base import ExplainedCommand
from audit_app.models import AuditRecord
from orders_app.models import Order
from orders_app.services.explained import explanation_shape, sentences
from orders_app.services.explaining import explain, explainable


class Command(ExplainedCommand):
    help = (
        "Say which rule decided about an order, why, what would have had to differ, and who wrote the rule."
    )
    examples = """examples:
  python manage.py explain_order order-1
  python manage.py explain_order ORD-1001 --tenant acme-store
  python manage.py explain_order order-1 --json

ID is an action's id or an order's name. Exit code 1 where nothing is on record."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", help="An action's id, or an order's name")
        parser.add_argument("--namespace", help="Only in this namespace")
        parser.add_argument("--tenant", help="Only of this tenant")
        parser.add_argument("--json", action="store_true", help="Print it in parts, as the API answers it")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = {name: options[name] for name in ("namespace", "tenant") if options[name] is not None}
        told = explain(_record(options["id"], asked), lambda namespace, tenant: True)
        if options["json"]:
            self.print_json(explanation_shape(told))
            return
        for sentence in sentences(told):
            self.stdout.write(sentence)


def _record(name: str, asked: dict[str, str]) -> AuditRecord:
    record = explainable(AuditRecord.objects.filter(**asked), name).first()
    order = (
        None if record else Order.objects.filter(**asked, fingerprint=name).order_by("-created_at").first()
    )
    if order is not None:
        own = AuditRecord.objects.filter(namespace=order.namespace, tenant=order.tenant)
        record = explainable(own, order.action_id_text).first()
    if record is None:
        raise CommandError(f"no decision about {name} is on record")
    return record
