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
from chains_app.definitions import Definition, check_supported, parse_definition, to_spec
from chains_app.definitions.graph import find_cycle
from chains_app.models import ChainDefinition, ChainVersion, Run


class Chains(Kind):
    section = "chains"
    title = "chain"
    area = stamps.CHAINS

    def rows(self) -> QuerySet[ChainDefinition]:
        return ChainDefinition.objects.filter(current__isnull=False).select_related("current")

    def validate(self, spec: Any) -> list[FieldProblem]:
        message = flag(spec.get("enabled", True))
        switch = [FieldProblem("enabled", message)] if message else []
        definition, problems = parse_definition(_without_switch(spec))
        return switch + (check_supported(definition) if definition else problems)

    def canonical(self, spec: Spec) -> Spec:
        return {**to_spec(_definition(spec)), **({} if spec.get("enabled", True) else {"enabled": False})}

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
        return "runs of it are kept" if Run.objects.filter(version__definition=row).exists() else None

    def remove(self, row: ChainDefinition) -> None:
        put(row, {"current": None})  # PROTECT guards it against deleting its versions
        row.delete()

    def references(self, spec: Spec) -> list[Reference]:
        return list(_references(spec))

    def cross_check(self, world: World) -> Iterable[tuple[Identity, FieldProblem]]:
        """Sub-chains that call each other in a circle; two chains that the same actions trigger."""
        specs = world[self.section]
        edges = {name: tuple(sorted(_definition(spec).sub_chains)) for (name,), spec in specs.items()}
        cycle = find_cycle(edges)
        for name in dict.fromkeys(cycle):
            yield (name,), FieldProblem("steps", f"sub-chains go round in a circle: {' -> '.join(cycle)}")
        triggers = {
            identity: (trigger.namespace, trigger.tenant, trigger.action_type)
            for identity, spec in specs.items()
            if spec.get("enabled", True) and (trigger := _definition(spec).trigger)
        }
        yield from doubled(triggers, "trigger", "is triggered by the same actions as chain")


def _without_switch(spec: Spec) -> Spec:
    return {name: value for name, value in spec.items() if name != "enabled"}


def _definition(spec: Spec) -> Definition:
    definition, problems = parse_definition(_without_switch(spec))
    if definition is None:
        raise ValueError(f"chain that does not validate: {problems[0]}")
    return definition


def _new_version(row: ChainDefinition, content: Spec, actor: str) -> ChainVersion:
    newest = row.versions.aggregate(newest=Max("number"))["newest"] or 0
    return ChainVersion.objects.create(definition=row, number=newest + 1, spec=content, actor=actor)


def _references(spec: Spec) -> Iterator[Reference]:
    if spec.get("on_cancel"):
        yield Reference("on_cancel.provider", "providers", (spec["on_cancel"]["provider"],))
    for index, step in enumerate(spec["steps"]):
        place = f"steps[{index}]"
        if step.get("provider"):
            yield Reference(f"{place}.provider", "providers", (step["provider"],))
        if step.get("compensate"):
            yield Reference(f"{place}.compensate.provider", "providers", (step["compensate"]["provider"],))
        if step.get("sub_chain"):
            yield Reference(f"{place}.sub_chain", "chains", (step["sub_chain"],))
