"""What the page of a rule offers of orders and chains: typed fields, and names. Listed in parts.py."""

from __future__ import annotations

from chains_app.models import Provider
from chains_app.selectors import chain_rows
from orders_app.lifecycles.fields import FieldSpec
from orders_app.selectors import lifecycles_current
from rules_app.engine.known_fields import KnownField
from rules_app.engine.words import label_from_name

_KINDS = {
    "text": "text",
    "currency": "text",
    "integer": "number",
    "number": "number",
    "boolean": "yes_no",
    "list": "list",
}


def typed_fields() -> list[KnownField]:
    """The fields that lifecycles declare, each path once: as the first that names it says."""
    fields = (_known(spec) for lifecycle in lifecycles_current() for spec in lifecycle.fields)
    return list({field.path: field for field in reversed(list(fields))}.values())[::-1]


def provider_names() -> list[str]:
    return list(Provider.objects.order_by("name").values_list("name", flat=True))


def chain_names() -> list[str]:
    return list(chain_rows().order_by("name").values_list("name", flat=True))


def _known(spec: FieldSpec) -> KnownField:
    path = f"action.payload.{spec.name}"
    label = spec.label or label_from_name(path)
    return KnownField(path, label, _KINDS.get(spec.type, ""), "order", choices=spec.one_of)
