"""What no definition can check alone: that the providers and sub-chains it names exist, and never recurse."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from acteon_site.base.errors import FieldProblem
from chains_app.definitions.graph import find_cycle
from chains_app.definitions.model import Definition, Step, placed_steps
from chains_app.definitions.reader import suggestion


def check_recursion(definitions: Mapping[str, Definition]) -> list[FieldProblem]:
    """A problem where chains call each other in a circle."""
    cycle = find_cycle({name: tuple(sorted(chain.sub_chains)) for name, chain in definitions.items()})
    if not cycle:
        return []
    text = f"sub-chains go round in a circle: {' -> '.join(cycle)}"
    return [FieldProblem(f"chains.{cycle[0]}.steps", text)]


def check_definition(
    definition: Definition,
    definitions: Mapping[str, Definition],
    provider_names: Collection[str],
    prefix: str = "",
) -> list[FieldProblem]:
    """Problems of one definition against the names that exist; `definitions` includes itself."""
    problems = []
    for place, step, _ in placed_steps(definition.steps):
        problems += _check_step(step, f"{prefix}{place}", definitions, provider_names)
    if definition.on_cancel:
        problems += _missing(f"{prefix}on_cancel.provider", definition.on_cancel.provider, provider_names)
    return problems


def _check_step(
    step: Step, place: str, definitions: Mapping[str, Definition], provider_names: Collection[str]
) -> list[FieldProblem]:
    problems = []
    if step.provider:
        problems += _missing(f"{place}.provider", step.provider, provider_names)
    if step.compensate:
        problems += _missing(f"{place}.compensate.provider", step.compensate.provider, provider_names)
    if step.sub_chain and step.sub_chain not in definitions:
        text = f'no chain is called "{step.sub_chain}"{suggestion(step.sub_chain, definitions)}'
        problems.append(FieldProblem(f"{place}.sub_chain", text))
    return problems


def _missing(field: str, name: str, names: Collection[str]) -> list[FieldProblem]:
    if name in names:
        return []
    return [FieldProblem(field, f'no provider is called "{name}"{suggestion(name, names)}')]
