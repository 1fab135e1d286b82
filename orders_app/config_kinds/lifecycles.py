"""`lifecycles`: the states of a kind of order, and the payload fields that rules may trust."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.kind import Kind, Misfit, Spec, World, doubled
from chains_app.config_kinds.chains import definition_of
from orders_app.config_kinds.starts import never_begun
from orders_app.lifecycles.chain_states import money_step_problems, transition_problems
from orders_app.lifecycles.grouped import group_problems
from orders_app.lifecycles.spec import LifecycleSpec, parse_lifecycle
from orders_app.models import Lifecycle, Order
from orders_app.selectors import lifecycle_spec
from orders_app.services.group_rules import claims_of
from rules_app.engine import parse_rule


class Lifecycles(Kind):
    section = "lifecycles"
    title = "lifecycle"
    file = "lifecycles.yaml"
    area = config_versions.LIFECYCLES
    defaults = {
        "namespace": "*",
        "tenant": "*",
        "enabled": True,
        "transitions": [],
        "terminal": [],
        "timeouts": [],
        "fields": {},
        "fingerprint_field": "",
        "charges": {},
        "refunds": {},
    }

    def rows(self) -> QuerySet[Lifecycle]:
        return Lifecycle.objects.all()

    def validate(self, spec: Any) -> list[FieldProblem]:
        return parse_lifecycle(spec)[1]

    def to_spec(self, row: Lifecycle) -> Spec:
        return self.canonical({**lifecycle_spec(row), "enabled": row.enabled})

    def canonical(self, spec: Spec) -> Spec:
        # Its parser lets a description pass, but no row keeps one.
        return {name: value for name, value in super().canonical(spec).items() if name != "description"}

    def in_use(self, row: Lifecycle) -> str | None:
        return "orders were placed under it" if Order.objects.filter(lifecycle=row).exists() else None

    def cross_check(self, world: World) -> Iterable[Misfit]:
        """Two that claim the same actions: neither would be the more specific one. Chains whose steps move orders
        to states that these lifecycles do not have. Rules that group orders."""
        enabled = {
            identity: spec for identity, spec in world[self.section].items() if spec.get("enabled", True)
        }
        claims = {
            identity: (spec.get("namespace", "*"), spec.get("tenant", "*"), spec["action_type"])
            for identity, spec in enabled.items()
        }
        yield from doubled(self.section, claims, "action_type", "claims the same actions as lifecycle")
        lifecycles = [parsed for spec in enabled.values() if (parsed := parse_lifecycle(spec)[0])]
        for identity, spec in world["chains"].items():
            definition = definition_of(spec)
            for problem in transition_problems(definition, lifecycles) if definition else ():
                yield "chains", identity, problem
        yield from _orders_grouped(world, lifecycles)

    def overlooked(self, world: World) -> Iterable[Misfit]:
        """Actions that begin nothing, and chains without the step by which money is moved: nothing is charged there."""
        yield from never_begun(world)
        chains = [one for spec in world["chains"].values() if (one := definition_of(spec))]
        for identity, spec in world[self.section].items():
            lifecycle = parse_lifecycle(spec)[0] if spec.get("enabled", True) else None
            for problem in money_step_problems(lifecycle, chains) if lifecycle else ():
                yield self.section, identity, problem


def _orders_grouped(world: World, lifecycles: Iterable[LifecycleSpec]) -> Iterator[Misfit]:
    enabled = (spec for spec in world["chains"].values() if spec.get("enabled", True))
    claims = list(claims_of(lifecycles, filter(None, map(definition_of, enabled))))
    for identity, spec in world["rules"].items():
        rule, _ = parse_rule(spec)
        for problem in group_problems(rule, claims) if rule else ():
            yield "rules", identity, problem
