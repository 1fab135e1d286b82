"""From a specification (YAML, TOML, JSON, the admin) to a Definition, or to all that is wrong with it."""

from __future__ import annotations

import re

from acteon_site.base.errors import FieldProblem
from chains_app.definitions import graph, semantics
from chains_app.definitions.model import MAX_STEPS, Definition, Notice, Step, Trigger
from chains_app.definitions.parse_step import read_step
from chains_app.definitions.reader import Problems, Reader

CHAIN_KEYS = ("name", "description", "steps", "on_failure", "timeout_seconds", "on_cancel", "trigger")
CHAIN_NAME = re.compile(r"[^/?#\s](?:[^/?#]{0,198}[^/?#\s])?")


def parse_definition(
    spec: object, *, warnings: list[FieldProblem] | None = None
) -> tuple[Definition | None, list[FieldProblem]]:
    """The definition, or None with every problem found (never both).

    Unknown keys are problems, unless `warnings` is given: then they are ignored and stand there.
    """
    problems = Problems(warnings)
    definition = _read(spec, problems)
    semantics.check(definition, problems, shaped=graph.check(definition, problems))
    return (None, problems.found) if problems.found else (definition, [])


def stored_definition(spec: object) -> tuple[Definition | None, list[FieldProblem]]:
    """`parse_definition` of what was accepted once: read as long as the engine can run it.

    What an older release let pass and this one refuses at save must not stop runs that are under way.
    """
    problems = Problems()
    definition = _read(spec, problems)
    graph.check(definition, problems)
    return (None, problems.found) if problems.found else (definition, [])


def _read(spec: object, problems: Problems) -> Definition:
    reader = Reader(spec, "", CHAIN_KEYS, problems)
    return Definition(
        name=_name(reader),
        steps=_steps(reader, problems),
        on_failure=reader.choice("on_failure", ("abort", "abort_no_dlq"), "abort"),
        timeout_seconds=reader.seconds("timeout_seconds", least=1),
        on_cancel=_on_cancel(reader, problems),
        trigger=_trigger(reader, problems),
        description=reader.text("description"),
    )


def _name(reader: Reader) -> str:
    name = reader.name("name", required=True)
    if name and not CHAIN_NAME.fullmatch(name):
        reader.problem("name", "must have at most 200 characters and hold none of / ? #")
    return name


def _steps(reader: Reader, problems: Problems) -> tuple[Step, ...]:
    specs = reader.items("steps")
    if not 1 <= len(specs) <= MAX_STEPS:
        reader.problem("steps", f"must list 1 to {MAX_STEPS} steps")
        return ()
    return tuple(read_step(spec, f"steps[{index}]", problems) for index, spec in enumerate(specs))


def _on_cancel(reader: Reader, problems: Problems) -> Notice | None:
    if reader.raw("on_cancel") is None:
        return None
    inner = Reader(reader.raw("on_cancel"), "on_cancel", ("provider", "action_type"), problems)
    return Notice(
        inner.name("provider", required=True, colon_allowed=False), inner.name("action_type", required=True)
    )


def _trigger(reader: Reader, problems: Problems) -> Trigger | None:
    if reader.raw("trigger") is None:
        return None
    inner = Reader(reader.raw("trigger"), "trigger", ("action_type", "namespace", "tenant"), problems)
    return Trigger(
        inner.name("action_type", required=True),
        inner.name("namespace", colon_allowed=False) or "*",
        inner.name("tenant", colon_allowed=False) or "*",
    )
