"""From a specification (YAML, TOML, JSON, the admin) to a Definition, or to all that is wrong with it."""

from __future__ import annotations

import re
from typing import Any

from acteon_site.base.errors import FieldProblem
from chains_app.definitions import graph
from chains_app.definitions.model import Definition, Notice, Step, Trigger
from chains_app.definitions.parse_step import read_step
from chains_app.definitions.reader import Problems, Reader

CHAIN_KEYS = ("name", "description", "steps", "on_failure", "timeout_seconds", "on_cancel", "trigger")
CHAIN_NAME = re.compile(r"[^/?#\s](?:[^/?#]{0,198}[^/?#\s])?")
MAX_STEPS = 100


def parse_definition(
    spec: object, *, warnings: list[FieldProblem] | None = None
) -> tuple[Definition | None, list[FieldProblem]]:
    """The definition, or None with every problem found (never both).

    Unknown keys are problems, unless `warnings` is given: then they are ignored and told there.
    """
    problems = Problems(warnings)
    reader = Reader(spec, "", CHAIN_KEYS, problems)
    steps = _steps(reader, problems)
    definition = Definition(
        name=_name(reader),
        steps=steps,
        on_failure=reader.choice("on_failure", ("abort", "abort_no_dlq"), "abort"),
        timeout_seconds=reader.seconds("timeout_seconds", least=1),
        on_cancel=_on_cancel(reader, problems),
        trigger=_trigger(reader, problems),
        description=reader.text("description"),
    )
    graph.check(definition, problems)
    return (None, problems.found) if problems.found else (definition, [])


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
    names = [spec.get("name") for spec in specs if isinstance(spec, dict)]
    return tuple(
        read_step(spec, f"steps[{index}]", problems, _texts(names)) for index, spec in enumerate(specs)
    )


def _texts(names: list[Any]) -> frozenset[str]:
    return frozenset(name for name in names if isinstance(name, str))


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
