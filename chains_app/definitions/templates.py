"""What placeholders refer to: nothing unknown, and no answer that cannot be there when the template is filled in."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from acteon_site.base.clock_text import parse_time
from chains_app import templating
from chains_app.definitions.graph import predecessors
from chains_app.definitions.model import Definition, Step, placed_steps
from chains_app.definitions.reader import Problems, suggestion

# What stands under each root; () for a plain value, None where anything may.
ROOTS: Mapping[str, tuple[str, ...] | None] = {
    "origin": (
        *("namespace", "tenant", "provider", "action_type", "payload", "id", "given_id", "created_at"),
        *("dedup_key", "fingerprint", "status", "template", "metadata", "extras", "tainted"),
    ),
    "prev": ("body",),
    "steps": None,
    "run": ("id", "chain"),
    "chain_id": (),
}
HOW = 'write {{origin.payload.x}} or {{steps.name.body.x}}, with a default {{origin.payload.x | default("")}}'


@dataclass(frozen=True, slots=True)
class Scope:
    """What a template may name. `before`: steps that may have answered by then; None where nobody can tell.

    `own` is the step that the template belongs to; only its compensation knows its answer.
    """

    names: frozenset[str]
    branches: Mapping[str, str]  # the parallel step around each
    before: frozenset[str] | None
    own: str


def check(definition: Definition, problems: Problems, *, shaped: bool) -> None:
    """Adds a problem for every placeholder that can lead nowhere. Not `shaped`: the order of steps is unclear."""
    earlier = predecessors(definition) if shaped else {}
    names = frozenset(step.name for step in definition.steps)
    branches = {inner.name: group.name for _, inner, group in placed_steps(definition.steps) if group}
    for place, step, group in placed_steps(definition.steps):
        before = earlier.get((group or step).name)
        scope = Scope(names, branches, before, step.name)
        _check_template(step.payload_template, f"{place}.payload_template", scope, problems)
        if step.compensate:
            knows_itself = frozenset({step.name}) | before if before is not None else None
            undoing = Scope(names | {step.name}, branches, knows_itself, "")
            template = step.compensate.payload_template
            _check_template(template, f"{place}.compensate.payload_template", undoing, problems)
        _check_until(step, f"{place}.timer.until", scope, problems)


def _check_template(template: Any, field: str, scope: Scope, problems: Problems) -> None:
    for place, reference in templating.placeholders(template):
        for problem in _path_problems(reference.path, scope):
            problems.add(_joined(field, place), problem)


def _check_until(step: Step, field: str, scope: Scope, problems: Problems) -> None:
    until = step.timer.until if step.timer else None
    if until is None:
        return
    _check_template(until, field, scope, problems)
    if not templating.PLACEHOLDER.search(until) and parse_time(until) is None:
        problems.add(
            field,
            "must be a time with offset such as 2026-12-24T09:00:00Z, or a template that gives one such as "
            "{{origin.payload.ship_at}}",
        )


def _joined(field: str, place: str) -> str:
    return f"{field}{place}" if place.startswith("[") else templating.join(field, place) if place else field


def _path_problems(path: str, scope: Scope) -> Iterator[str]:
    if not templating.is_path(path):
        yield f'"{{{{{path}}}}}" is no path; {HOW}'
        return
    root, *rest = [match.group(1) or match.group(2) for match in templating.SEGMENT.finditer(path)]
    if root not in ROOTS:
        yield f'"{root}" is unknown{suggestion(root, ROOTS)}'
    elif root == "steps":
        yield from _step_problems(rest, scope)
    elif rest and rest[0] not in (known := ROOTS[root] or ()):
        yield (
            f'"{root}" has no "{rest[0]}"{suggestion(rest[0], known)}' if known else f'"{root}" is plain text'
        )


def _step_problems(rest: list[str], scope: Scope) -> Iterator[str]:
    name = rest[0] if rest else ""
    if not name:
        yield f'"steps" alone is no answer; {HOW}'
    elif name == scope.own:
        yield f'step "{name}" cannot read its own answer{_known_before(scope)}'
    elif name in scope.branches and name not in scope.names:
        group = scope.branches[name]
        yield f'"{name}" is a branch of "{group}"; after it, write {{{{steps.{group}.body.{name}}}}}'
    elif name not in scope.names:
        yield f'no step is called "{name}"{_meant(name, scope)}'
    elif scope.before is not None and name not in scope.before:
        yield f'step "{name}" never runs before this one{_meant(name, scope)}'
    elif len(rest) > 1 and rest[1] != "body":
        yield f'a step has a body and no "{rest[1]}"; write {{{{steps.{name}.body.x}}}}'


def _meant(name: str, scope: Scope) -> str:
    """The nearest name that may be used here; of an unknown one the nearest of all; else what there is."""
    usable = scope.names if scope.before is None else scope.before
    if name not in scope.names and not difflib.get_close_matches(name, usable, n=1):
        usable = scope.names
    return suggestion(name, usable) if usable else _known_before(scope)


def _known_before(scope: Scope) -> str:
    if scope.before is None:
        return ""
    return (
        f"; before it run {', '.join(sorted(scope.before))}" if scope.before else "; no step runs before it"
    )
