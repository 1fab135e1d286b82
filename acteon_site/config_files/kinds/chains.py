"""`chains`: the steps that accepted actions run through. A change makes a version; runs keep theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Max, QuerySet

from acteon_site.base import stamps
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.checks import flag
from acteon_site.config_files.kinds.base import (
    Identity,
    Kind,
    Ownership,
    Reference,
    Spec,
    World,
    doubled,
    put,
)
from chains_app.definitions import Definition, Step, parse_definition, stored_definition, to_spec
from chains_app.definitions.graph import find_cycle
from chains_app.models import ChainDefinition, ChainVersion, Run
from chains_app.services.users import runs_calling_chain
from orders_app.lifecycles.chain_states import transition_problems
from orders_app.lifecycles.spec import LifecycleSpec, parse_lifecycle


class Chains(Kind):
    section = "chains"
    title = "chain"
    area = stamps.CHAINS

    def rows(self) -> QuerySet[ChainDefinition]:
        return ChainDefinition.objects.filter(current__isnull=False).select_related("current")

    def validate(self, spec: Any) -> list[FieldProblem]:
        message = flag(spec.get("enabled", True))
        switch = [FieldProblem("enabled", message)] if message else []
        return switch + parse_definition(_without_switch(spec))[1]

    def canonical(self, spec: Spec) -> Spec:
        """A version that this release cannot read stays as it is."""
        definition = _definition(spec)
        content = to_spec(definition) if definition else _without_switch(spec)
        return {**content, **({} if spec.get("enabled", True) else {"enabled": False})}

    def to_spec(self, row: ChainDefinition) -> Spec:
        assert row.current is not None  # noqa: S101 - rows() asks for such
        return self.canonical({**row.current.spec, "enabled": row.enabled})

    def columns(self, spec: Spec) -> dict[str, Any]:
        """The steps stand in a version."""
        shown = {"name": spec["name"], "description": spec.get("description", "")}
        return {**shown, "enabled": spec.get("enabled", True)}

    def write(self, row: Any, spec: Spec, ownership: Ownership) -> Any:
        content = _without_switch(spec)
        columns = self.columns(spec) | self.owned(spec, ownership)
        row = row or ChainDefinition.objects.create(**columns)
        if row.current is None or self.digest(row.current.spec) != self.digest(content):
            columns["current"] = _new_version(row, content, ownership.actor)
        return put(row, columns)

    def in_use(self, row: ChainDefinition) -> str | None:
        if Run.objects.filter(version__definition=row).exists():
            return "runs of it are kept"
        calling = runs_calling_chain(row.name)
        return f"{', '.join(calling)} call it" if calling else None

    def remove(self, row: ChainDefinition) -> None:
        put(row, {"current": None})  # PROTECT guards it against deleting its versions
        row.delete()

    def references(self, spec: Spec) -> list[Reference]:
        definition = _definition(spec)
        return list(_references(definition)) if definition else []

    def cross_check(self, world: World) -> Iterable[tuple[Identity, FieldProblem]]:
        """Sub-chains that call each other in a circle; two chains that the same actions trigger; states that the
        triggering orders do not have."""
        specs = world[self.section]
        chains = {name: chain for (name,), spec in specs.items() if (chain := _definition(spec))}
        cycle = find_cycle({name: tuple(sorted(chain.sub_chains)) for name, chain in chains.items()})
        for name in dict.fromkeys(cycle):
            yield (name,), FieldProblem("steps", f"sub-chains go round in a circle: {' -> '.join(cycle)}")
        triggers: dict[Identity, tuple[str, ...]] = {
            (name,): (trigger.namespace, trigger.tenant, trigger.action_type)
            for name, chain in chains.items()
            if specs[(name,)].get("enabled", True) and (trigger := chain.trigger)
        }
        yield from doubled(triggers, "trigger", "is triggered by the same actions as chain")
        lifecycles = list(_lifecycles(world))
        for name, chain in chains.items():
            yield from (((name,), problem) for problem in transition_problems(chain, lifecycles))


def _without_switch(spec: Spec) -> Spec:
    return {name: value for name, value in spec.items() if name != "enabled"}


def _definition(spec: Spec) -> Definition | None:
    return stored_definition(_without_switch(spec))[0]


def _lifecycles(world: World) -> Iterator[LifecycleSpec]:
    for spec in world["lifecycles"].values():
        parsed = parse_lifecycle(spec)[0] if spec.get("enabled", True) else None
        if parsed:
            yield parsed


def _new_version(row: ChainDefinition, content: Spec, actor: str) -> ChainVersion:
    newest = row.versions.aggregate(newest=Max("number"))["newest"] or 0
    return ChainVersion.objects.create(definition=row, number=newest + 1, spec=content, actor=actor)


def _references(definition: Definition) -> Iterator[Reference]:
    if definition.on_cancel:
        yield Reference("on_cancel.provider", "providers", (definition.on_cancel.provider,))
    for index, step in enumerate(definition.steps):
        yield from _step_references(step, f"steps[{index}]")


def _step_references(step: Step, place: str) -> Iterator[Reference]:
    if step.provider:
        yield Reference(f"{place}.provider", "providers", (step.provider,))
    if step.compensate:
        yield Reference(f"{place}.compensate.provider", "providers", (step.compensate.provider,))
    if step.sub_chain:
        yield Reference(f"{place}.sub_chain", "chains", (step.sub_chain,))
    for index, inner in enumerate(step.parallel.steps if step.parallel else ()):
        yield from _step_references(inner, f"{place}.parallel.steps[{index}]")
