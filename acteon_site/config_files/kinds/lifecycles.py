"""`lifecycles`: the states of a kind of order, and the payload fields that rules may trust."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from acteon_site.base import stamps
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.kinds.base import Identity, Kind, Spec, World, doubled
from orders_app.lifecycles.spec import parse_lifecycle
from orders_app.models import Lifecycle, Order
from orders_app.selectors import lifecycle_dict


class Lifecycles(Kind):
    section = "lifecycles"
    title = "lifecycle"
    area = stamps.LIFECYCLES
    defaults = {
        "namespace": "*",
        "tenant": "*",
        "enabled": True,
        "terminal": [],
        "timeouts": [],
        "fields": {},
        "fingerprint_field": "",
    }

    def rows(self) -> QuerySet[Lifecycle]:
        return Lifecycle.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        return parse_lifecycle(spec)[1]

    def to_spec(self, row: Lifecycle) -> Spec:
        return self.canonical({**lifecycle_dict(row), "enabled": row.enabled})

    def canonical(self, spec: Spec) -> Spec:
        # Its parser lets a description pass, but no row keeps one.
        return {name: value for name, value in super().canonical(spec).items() if name != "description"}

    def in_use(self, row: Lifecycle) -> str | None:
        return "orders were placed under it" if Order.objects.filter(lifecycle=row).exists() else None

    def cross_check(self, world: World) -> Iterable[tuple[Identity, FieldProblem]]:
        """Two that claim the same actions: neither would be the more specific one."""
        yield from doubled(
            {
                identity: (spec.get("namespace", "*"), spec.get("tenant", "*"), spec["action_type"])
                for identity, spec in world[self.section].items()
                if spec.get("enabled", True)
            },
            "action_type",
            "claims the same actions as lifecycle",
        )
