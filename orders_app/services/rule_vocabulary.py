"""What rules know of orders and chains: what lifecycles declare, and names to offer. Listed in parts.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chains_app.models import Provider
from chains_app.selectors import chain_rows
from orders_app.lifecycles.declared import DeclaredLifecycles
from orders_app.selectors import lifecycles_current


class OrderLifecycles:
    name = "orders"

    def of(self, specs: Iterable[Mapping[str, Any]]) -> DeclaredLifecycles:
        return DeclaredLifecycles.of(specs)

    def in_force(self) -> DeclaredLifecycles:
        return DeclaredLifecycles(lifecycles_current())


def provider_names() -> list[str]:
    return list(Provider.objects.order_by("name").values_list("name", flat=True))


def chain_names() -> list[str]:
    return list(chain_rows().order_by("name").values_list("name", flat=True))
