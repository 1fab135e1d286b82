"""What is written about muting: the intervals that a rule names, and which kinds of action may be muted. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from acteon_site.base.errors import FieldProblem
from acteon_site.base.names import SHORT_LENGTH, name_problem
from rules_app.engine.named_lists import Identity, not_there
from rules_app.engine.scope import kind_of
from rules_app.engine.suggest import unknown

MUTE, ACTIVE = NAMING = ("mute_time_intervals", "active_time_intervals")
REASONS = {MUTE: "mute_time_interval", ACTIVE: "active_time_interval"}
# What rules of these types say is no, or changes what others send: there is nothing of theirs to mute.
SENDING_NOTHING = frozenset(("deny", "suppress", "modify"))
NO_NAMES: tuple[str, ...] = ()
MOST_NAMES = 20
ANY = "*"


@dataclass(frozen=True, slots=True)
class Mutable:
    """One line of the setting: whether actions of this type, there, may be silenced and muted."""

    action_type: str
    may: bool
    namespace: str = ANY
    tenant: str = ANY

    def speaks_of(self, namespace: str, tenant: str, action_type: str) -> bool:
        pairs = (self.namespace, namespace), (self.tenant, tenant), (self.action_type, action_type)
        return all(mine in (ANY, given) for mine, given in pairs)

    @property
    def closeness(self) -> tuple[bool, bool, bool, bool]:
        """The most particular counts; of two alike, the one that protects."""
        named = (self.action_type, self.tenant, self.namespace)
        return (*(name != ANY for name in named), not self.may)  # type: ignore[return-value]


Mutables = tuple[Mutable, ...]
NO_MUTABLES: Mutables = ()


def protection(
    mutables: Mutables, namespace: str, tenant: str, action_type: str, *, order: str, chain: str
) -> str:
    """Why the action may not be muted; empty where it may.

    Without a line that speaks of it: what a lifecycle (`order` is its name) or a chain's trigger (`chain`) claims.
    """
    lines = [one for one in mutables if one.speaks_of(namespace, tenant, action_type)]
    if lines:
        line = max(lines, key=lambda one: one.closeness)
        return "" if line.may else f"the rule settings say that {action_type} may not be muted"
    if order:
        return f"it is an order of the lifecycle {order}"
    return f"it starts the chain {chain}" if chain else ""


def mutables_of(specs: Any) -> Mutables:
    """Of specs that `mutables_problem` has checked."""
    return tuple(
        Mutable(one["action_type"], one.get("may", True), one.get("namespace", ANY), one.get("tenant", ANY))
        for one in specs
    )


_KEYS = ("action_type", "may", "namespace", "tenant")


def mutables_problem(value: Any) -> str | None:
    """What is wrong with the setting, naming the line."""
    if not isinstance(value, list):
        return f"must be a list of objects with action_type and may, not {kind_of(value)}"
    found = ((index, problem) for index, one in enumerate(value) for problem in _line_problems(one))
    return next((f"[{index}]: {problem}" for index, problem in found), None)


def _line_problems(one: Any) -> Iterator[str]:
    if not isinstance(one, Mapping):
        yield f"must be an object with action_type and may, not {kind_of(one)}"
        return
    yield from (unknown("key", key, _KEYS) for key in one if key not in _KEYS)
    for name in ("action_type", "namespace", "tenant"):
        value = one.get(name, None if name == "action_type" else ANY)
        problem = "is required" if value is None else name_problem(value, colon_allowed=name == "action_type")
        if problem:
            yield f"{name} {problem}"
    if not isinstance(one.get("may", True), bool):
        yield "may must be true or false"
    elif one.get("action_type") == ANY and one.get("may", True):
        yield "what may be muted is named: action_type * goes with may: false only, or orders would be lost"


def naming_problems(spec: Mapping[str, Any], action_type: str) -> list[FieldProblem]:
    """What is wrong with the intervals that a rule names, apart from whether they are there."""
    found: list[FieldProblem] = []
    for key in NAMING:
        if (value := spec.get(key)) is None:
            continue
        problems = list(_names_problems(value, key))
        if not problems and value and action_type in SENDING_NOTHING:
            problems = [FieldProblem(key, f"is for rules that send something, and this one is {action_type}")]
        found += problems
    if not found and (both := set(names_of(spec, MUTE)) & set(names_of(spec, ACTIVE))):
        text = f"names '{min(both)}' as {ACTIVE} does: it would send nothing at any time"
        found.append(FieldProblem(MUTE, text))
    return found


def _names_problems(value: Any, key: str) -> Iterator[FieldProblem]:
    if not isinstance(value, list):
        yield FieldProblem(key, f"must be a list of names of time intervals, not {kind_of(value)}")
        return
    if len(value) > MOST_NAMES:
        yield FieldProblem(key, f"must be at most {MOST_NAMES}")
    for index, name in enumerate(value):
        if problem := name_problem(name, longest=SHORT_LENGTH):
            yield FieldProblem(f"{key}[{index}]", problem)
        elif name in value[:index]:
            yield FieldProblem(f"{key}[{index}]", f"names '{name}' twice")


def names_of(spec: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(spec.get(key) or ())


def intervals_named(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each place of a rule's spec that names an interval, with the name."""
    for key in NAMING:
        value = spec.get(key)
        if isinstance(value, list | tuple):
            yield from (
                (f"{key}[{index}]", name) for index, name in enumerate(value) if isinstance(name, str)
            )


def intervals_not_there(spec: Mapping[str, Any], known: Collection[Identity]) -> Iterator[tuple[str, str]]:
    """Each place of a rule's spec that names an interval which is not there for all that the rule is for, and why."""
    yield from not_there(intervals_named(spec), spec, known, "time interval")
