"""`chains`: the steps that accepted actions run through. A change makes a version; runs keep theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import QuerySet

from acteon_site.base import config_versions
from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.checks import flag
from acteon_site.config_files.documents import Entry, Place
from acteon_site.config_files.kind import (
    Identity,
    Kind,
    Misfit,
    Ownership,
    Reference,
    Spec,
    World,
    doubled,
    put,
)
from acteon_site.config_files.toml_tables import TomlTables
from chains_app.definitions import Definition, parse_definition, placed_steps, stored_definition, to_spec
from chains_app.definitions.graph import find_cycle
from chains_app.models import ChainDefinition, Run
from chains_app.services.definitions import version_create
from chains_app.services.in_use import runs_calling_chain


class Chains(Kind):
    section = "chains"
    title = "chain"
    file = "chains.yaml"
    area = config_versions.CHAINS
    toml_elsewhere = {
        ("chains", "max_concurrent_advances"): "is not read: it is the number of workers",
        ("chains", "completed_chain_ttl_seconds"): (
            "is not read: a retention policy's state_ttl_seconds says it"
        ),
    }

    def rows(self) -> QuerySet[ChainDefinition]:
        return ChainDefinition.objects.filter(current__isnull=False).select_related("current")

    def validate(self, spec: Any) -> list[FieldProblem]:
        message = flag(spec.get("enabled", True))
        switch = [FieldProblem("enabled", message)] if message else []
        return switch + parse_definition(_without_switch(spec))[1]

    def canonical(self, spec: Spec) -> Spec:
        """A version that this release cannot read stays as it is."""
        definition = definition_of(spec)
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
            columns["current"] = version_create(row, content, ownership.actor)
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
        definition = definition_of(spec)
        return list(_references(definition)) if definition else []

    def map_toml(self, toml: TomlTables) -> None:
        """`[[chains.definitions]]`."""
        at: Place = ("chains",)
        table = toml.table(toml.data.get("chains"), at, ("definitions",), self.toml_elsewhere)
        definitions = table.get("definitions")
        if definitions is None:
            return
        if not isinstance(definitions, list):
            toml.refuse((*at, "definitions"), "must be an array of tables")
            return
        for index, spec in enumerate(definitions):
            place: Place = (*at, "definitions", index)
            if isinstance(spec, Mapping):
                toml.entries.append(_toml_entry(toml, dict(spec), place))
            else:
                toml.refuse(place, "must be a chain with its keys")

    def cross_check(self, world: World) -> Iterable[Misfit]:
        """Sub-chains that call each other in a circle; two chains that the same actions trigger."""
        specs = world[self.section]
        chains = {name: chain for (name,), spec in specs.items() if (chain := definition_of(spec))}
        cycle = find_cycle({name: tuple(sorted(chain.sub_chains)) for name, chain in chains.items()})
        for name in dict.fromkeys(cycle):
            yield (
                self.section,
                (name,),
                FieldProblem("steps", f"sub-chains go round in a circle: {' -> '.join(cycle)}"),
            )
        triggers: dict[Identity, tuple[str, ...]] = {
            (name,): (trigger.namespace, trigger.tenant, trigger.action_type)
            for name, chain in chains.items()
            if specs[(name,)].get("enabled", True) and (trigger := chain.trigger)
        }
        yield from doubled(self.section, triggers, "trigger", "is triggered by the same actions as chain")


def _without_switch(spec: Spec) -> Spec:
    return {name: value for name, value in spec.items() if name != "enabled"}


def definition_of(spec: Spec) -> Definition | None:
    """The definition of a spec as files and rows have it; None where this release cannot read it."""
    return stored_definition(_without_switch(spec))[0]


def _toml_entry(toml: TomlTables, spec: dict[str, Any], at: Place) -> Entry:
    """The chain. A `default_next` that stands below a branch belongs to its step, as the guide means it."""
    moved: dict[str, Place] = {}
    steps = spec.get("steps")
    if not isinstance(steps, list):
        return Entry("chains", spec, toml.document, at)
    spec["steps"] = []
    for number, step in enumerate(steps):
        branches = step.get("branches") if isinstance(step, Mapping) else None
        if isinstance(branches, list):
            step = dict(step)
            for place in _hoist(step, branches, (*at, "steps", number)):
                if f"steps[{number}].default_next" in moved:
                    toml.refuse(place, "a step has one default_next")
                moved[f"steps[{number}].default_next"] = place
        spec["steps"].append(step)
    return Entry("chains", spec, toml.document, at, moved)


def _hoist(step: dict[str, Any], branches: list[Any], at: Place) -> list[Place]:
    """Take default_next out of the branches; where it stood, once more for a step that has its own."""
    found: list[Place] = [(*at, "default_next")] if "default_next" in step else []
    step["branches"] = []
    for index, branch in enumerate(branches):
        if isinstance(branch, Mapping) and "default_next" in branch:
            found.append((*at, "branches", index, "default_next"))
            step["default_next"] = branch["default_next"]
            branch = {name: value for name, value in branch.items() if name != "default_next"}
        step["branches"].append(branch)
    return found


def _references(definition: Definition) -> Iterator[Reference]:
    if definition.on_cancel:
        yield Reference("on_cancel.provider", "providers", (definition.on_cancel.provider,))
    for place, step, _ in placed_steps(definition.steps):
        if step.provider:
            yield Reference(f"{place}.provider", "providers", (step.provider,))
        if step.compensate:
            yield Reference(f"{place}.compensate.provider", "providers", (step.compensate.provider,))
        if step.sub_chain:
            yield Reference(f"{place}.sub_chain", "chains", (step.sub_chain,))
