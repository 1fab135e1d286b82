"""Orders by a customer: keyed hashes of the payload fields that lifecycles mark with `lookup`.

What an order holds stays encrypted: a row here says that two orders of a tenant agree in a field, and not in what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import QuerySet

from acteon_site.base.digest import keyed_hash
from orders_app.lifecycles.lookups import looked_up, lookups_of
from orders_app.lifecycles.spec import LifecycleSpec
from orders_app.models import Order, OrderLookup
from orders_app.selectors import lifecycles_current


def lookup_rows(order: Order, spec: LifecycleSpec, payload: Mapping[str, Any]) -> Iterator[OrderLookup]:
    """What is kept with a new order."""
    for field, value in lookups_of(spec, payload):
        key = lookup_hash(order.namespace, order.tenant, field, value)
        yield OrderLookup.made(order_id=order.pk, field=field, hash=key)


def lookup_hash(namespace: str, tenant: str, field: str, value: str) -> str:
    """Of a value as `looked_up` spells it. No two tenants have one in common."""
    return keyed_hash("order lookup", namespace, tenant, field, value)


def lookup_fields() -> list[str]:
    """The fields that some lifecycle in force is searched by."""
    return sorted({name for spec in lifecycles_current() for name in spec.lookup_fields})


def orders_looked_up(term: str, scopes: Iterable[tuple[str, str]]) -> QuerySet[OrderLookup]:
    """What was kept of the exact value `term` in whichever field, newest first, of these namespaces and tenants."""
    value, fields = looked_up(term), lookup_fields()
    if not value or not fields:
        return OrderLookup.objects.none()
    hashes = [
        lookup_hash(namespace, tenant, field, value) for namespace, tenant in scopes for field in fields
    ]
    return OrderLookup.objects.filter(hash__in=hashes).order_by("-order_id")
