"""What is well formed and still cannot be meant: refused at save, whatever the engine would make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chains_app.definitions import templates
from chains_app.definitions.model import (
    MAX_BRANCHES,
    MAX_STEPS,
    Branch,
    Definition,
    Step,
    all_steps,
    placed_steps,
)
from chains_app.definitions.reader import Problems

ORDERED = ("gt", "lt", "gte", "lte")


def check(definition: Definition, problems: Problems, *, shaped: bool) -> None:
    """Adds a problem for everything that can never work or never end. `shaped`: its names and targets fit."""
    _check_size(definition, problems)
    for place, step, group in placed_steps(definition.steps):
        for number, branch in enumerate(step.branches):
            for key, problem in _branch_problems(branch):
                problems.add(f"{place}.branches[{number}].{key}", problem)
        if group and step.on_failure == "dlq":
            hint = f'the group\'s failure decides; write it at the parallel step "{group.name}"'
            problems.add(f"{place}.on_failure", f"dlq means nothing inside parallel: {hint}")
        if _waits_for_ever(definition, step):
            problems.add(
                f"{place}.wait_for_signal.timeout_seconds",
                "is required where the chain has no timeout_seconds: a signal may never come",
            )
    templates.check(definition, problems, shaped=shaped)


def _check_size(definition: Definition, problems: Problems) -> None:
    total = len(all_steps(definition.steps))
    if total > MAX_STEPS:
        problems.add(
            "steps", f"must list at most {MAX_STEPS} steps, those inside parallel included, not {total}"
        )
    for place, step, _ in placed_steps(definition.steps):
        count = len(step.parallel.steps) if step.parallel else 0
        if count > MAX_BRANCHES:
            problems.add(f"{place}.parallel.steps", f"must list at most {MAX_BRANCHES} branches, not {count}")


def _waits_for_ever(definition: Definition, step: Step) -> bool:
    wait = step.wait_for_signal
    return wait is not None and wait.timeout_seconds is None and definition.timeout_seconds is None


def _branch_problems(branch: Branch) -> Iterator[tuple[str, str]]:
    """(key, problem) of a comparison that can never be true, or always is."""
    operator, value = branch.operator, branch.value
    if branch.field == "success":
        if operator not in ("eq", "neq", "exists"):
            yield "operator", f"success is true or false, which {operator} never fits; write eq"
        elif operator != "exists" and not isinstance(value, bool):
            yield "value", f"success is true or false, not {_shown(value)}"
        return
    if operator in ORDERED and value is not None and not _is_ordered(value):
        yield "value", f"{operator} compares numbers or texts, never {_shown(value)}"
    if branch.field == "body":
        yield from _whole_body_problems(operator, value)


def _whole_body_problems(operator: str, value: Any) -> Iterator[tuple[str, str]]:
    """An answer as a whole is an object, or null."""
    if operator in ORDERED:
        yield "operator", f"body is an object, which {operator} never fits; name a field, such as body.total"
    elif operator == "contains" and value is not None and not isinstance(value, str):
        yield "value", f"body contains the names of its fields, which are text, not {_shown(value)}"
    elif operator in ("eq", "neq") and value is not None and not isinstance(value, Mapping):
        yield "value", f"body is an object or null, not {_shown(value)}; name a field, such as body.total"


def _is_ordered(value: Any) -> bool:
    return isinstance(value, (int, float, str)) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    names: dict[type, str] = {type(None): "null", bool: "true or false", str: "text", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, Mapping) else "a number")
