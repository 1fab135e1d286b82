"""Changing chains. A change makes a new version; runs under way keep the one they started with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max

from acteon_site.base.digest import content_digest
from acteon_site.base.errors import FieldProblem, conflict
from chains_app import references
from chains_app.definitions import (
    Definition,
    Trigger,
    check_definition,
    check_recursion,
    parse_definition,
    to_spec,
)
from chains_app.models import ChainDefinition, ChainVersion, Provider, Run
from chains_app.selectors import chain_definition, chain_row, chain_rows
from chains_app.services.editing import EDITED, configuration_lock, mark_edited, refusal
from chains_app.services.in_use import chain_users

Spec = Mapping[str, Any]


def chain_save(*, spec: Spec, actor: str, warnings: list[FieldProblem] | None = None) -> ChainVersion:
    """Put a chain in force; an equal one makes no new version. Raises 422 with every problem.

    Unknown keys are problems, unless `warnings` takes them.
    """
    return chains_save(specs=[spec], actor=actor, warnings=warnings)[0]


@transaction.atomic
def chains_save(
    *, specs: Sequence[Spec], actor: str, warnings: list[FieldProblem] | None = None
) -> list[ChainVersion]:
    """Put several chains in force together; they may name each other. All or nothing."""
    parsed = [_parsed(spec, warnings) for spec in specs]
    configuration_lock()
    rows = {row.name: row for row in chain_rows()}
    _check(parsed, rows)
    return [_put(rows.get(definition.name), definition, actor) for definition in parsed]


@transaction.atomic
def chain_enable(*, name: str, enabled: bool, actor: str) -> ChainDefinition:
    """Switch a chain. A disabled one is started by no action; runs under way go on, and other chains may call it."""
    configuration_lock()
    row = chain_row(name)
    row.enabled = enabled
    mark_edited(row, actor)
    _check([], {item.name: item for item in [*chain_rows().exclude(pk=row.pk), row]})
    row.save(update_fields=["enabled", *EDITED, "updated_at"])
    return row


@transaction.atomic
def chain_delete(*, name: str) -> None:
    """Delete a chain and its versions. Raises 404, and 409 while something names it or a run is kept of it."""
    configuration_lock()
    references.hold()
    row = chain_row(name)
    users = chain_users(name)
    if users:
        raise conflict(f"chain {name} is called by {', '.join(users)}")
    if Run.objects.filter(version__definition=row).exists():
        raise conflict(f"chain {name} has runs that are still kept; disable it instead")
    # PROTECT guards `current` against deleting a version alone.
    ChainDefinition.objects.filter(pk=row.pk).update(current=None)
    row.delete()


def chain_problems(*, spec: Spec) -> list[FieldProblem]:
    """What chain_save would refuse, without saving: for forms and dry runs."""
    definition, problems = parse_definition(spec)
    if definition is None:
        return problems
    return _problems([definition], {row.name: row for row in chain_rows()})


def _parsed(spec: Spec, warnings: list[FieldProblem] | None) -> Definition:
    definition, problems = parse_definition(spec, warnings=warnings)
    if definition is None:
        raise refusal("chain", problems)
    return definition


def _check(parsed: Sequence[Definition], rows: Mapping[str, ChainDefinition]) -> None:
    problems = _problems(parsed, rows)
    if problems:
        raise refusal("chain", problems)


def _problems(parsed: Sequence[Definition], rows: Mapping[str, ChainDefinition]) -> list[FieldProblem]:
    """Problems of the parsed ones among all. With a single one the fields are those of its own spec."""
    saved = {definition.name: definition for definition in parsed}
    chains = {**{name: chain_definition(row) for name, row in rows.items()}, **saved}
    providers = set(Provider.objects.values_list("name", flat=True))
    problems = []
    for definition in parsed:
        prefix = f"chains.{definition.name}."
        problems += check_definition(definition, chains, providers, prefix)
        outside = references.definition_problems(definition)
        problems += [FieldProblem(f"{prefix}{item.field}", item.message) for item in outside]
    problems += check_recursion(chains)
    disabled = {name for name, row in rows.items() if not row.enabled}
    enabled = {name: chain for name, chain in chains.items() if name not in disabled}
    problems += _trigger_problems(enabled, saved)
    prefix = f"chains.{parsed[0].name}." if len(parsed) == 1 else ""
    return [FieldProblem(item.field.removeprefix(prefix), item.message) for item in problems]


def _trigger_problems(chains: Mapping[str, Definition], saved: Collection[str]) -> list[FieldProblem]:
    """Two chains must not claim the same actions equally. The problem is that of the one being saved."""
    owners: dict[Trigger, str] = {}
    problems = []
    for name in sorted(chains, key=lambda name: (name in saved, name)):
        trigger = chains[name].trigger
        if trigger and owners.setdefault(trigger, name) != name:
            text = f"chain {owners[trigger]} is triggered by the same actions already"
            problems.append(FieldProblem(f"chains.{name}.trigger", text))
    return problems


def _put(row: ChainDefinition | None, definition: Definition, actor: str) -> ChainVersion:
    spec = to_spec(definition)
    row = row or ChainDefinition(name=definition.name)
    row.description = definition.description
    mark_edited(row, actor)
    row.save()
    if row.current is None or content_digest(row.current.spec) != content_digest(spec):
        row.current = version_create(row, spec, actor)
        row.save(update_fields=["current"])
    return row.current


def version_create(row: ChainDefinition, spec: Spec, actor: str) -> ChainVersion:
    """The chain's next version. Puts it in force nowhere; the spec has been checked."""
    newest = row.versions.aggregate(newest=Max("number"))["newest"] or 0
    return ChainVersion.objects.create(definition=row, number=newest + 1, spec=spec, actor=actor)
