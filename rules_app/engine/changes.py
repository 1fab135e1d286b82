"""What would have had to differ: other values of one field with which a rule has no part in the decision. Pure.

Every change that is named was tried: `ask` is the real decision by the same set of rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

from rules_app.engine.clauses import Clause
from rules_app.engine.conditions import Leaf
from rules_app.engine.counting.declared import Counter
from rules_app.engine.decide import Plan
from rules_app.engine.moments import turning_points
from rules_app.engine.named_lists import Lists
from rules_app.engine.near_values import distance, gap, near_values
from rules_app.engine.operators.base import NUMBERS
from rules_app.engine.rules import Rule
from rules_app.engine.scope import MISSING, ActionView, Scope

# The plan for another action or instant; None where it would be refused before any rule, or none can be made.
Ask = Callable[[ActionView, datetime], Plan | None]
AskWorld = Callable[[Mapping[str, Any], Lists], Plan | None]
_MOST_FIELDS, MOST_TRIES = 20, 40
_NEEDED = frozenset(("namespace", "tenant", "provider", "action_type", "id"))


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """With `after` in place of `before` the action would have had this plan, in which the rule has no part.

    `moment` is set where the clock is what differs; without a leaf, `why` says what the rule's time has to do with it.
    `counter`: it is what would have said `after`. `on_list`: whether the value would have been on the list.
    """

    leaf: Leaf | None
    before: Any
    after: Any
    plan: Plan
    moment: datetime | None = None
    why: str = ""
    counter: Counter | None = None
    on_list: bool | None = None

    @property
    def reads(self) -> frozenset[str]:
        """The paths whose values it tells of."""
        return frozenset(self.leaf.reads()) if self.leaf else frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """An action as it was decided: `scope` is how the rule saw it, with the payload as modified by then.

    `ask_world` decides the same action with other numbers in its counters, and by other lists.
    """

    rule: Rule
    action: ActionView
    scope: Scope
    clauses: Clause
    ask: Ask
    ask_world: AskWorld | None = None
    counters: Mapping[str, Counter] = field(default_factory=dict)

    def plan_in_world(self, counts: Mapping[str, Any], lists: Lists) -> Plan | None:
        return self._without_rule(self.ask_world(counts, lists) if self.ask_world else None)

    def plan_without_rule(self, action: ActionView, now: datetime) -> Plan | None:
        return self._without_rule(self.ask(action, now))

    def _without_rule(self, plan: Plan | None) -> Plan | None:
        if plan is None or plan.failed or takes_part(self.rule, plan):
            return None
        return plan


def takes_part(rule: Rule, plan: Plan) -> bool:
    return plan.rule is rule or rule in plan.gates


def rank(change: Change, now: datetime) -> tuple[int, float]:
    """Amounts first, then counters, the clock, lists, other texts; last what makes another action of it."""
    if change.moment is not None:
        return 2, abs((change.moment - now).total_seconds())
    if change.counter is not None:
        return 1, distance(change.before, change.after)
    if change.on_list is not None:
        return 3, 0.0
    if change.leaf is None or not change.leaf.field.path.startswith("action.payload."):
        return 6, 0.0
    if change.after is MISSING:
        return 5, 0.0
    numbers = type(change.before) in NUMBERS and type(change.after) in NUMBERS
    return (0, distance(change.before, change.after)) if numbers else (4, 0.0)


def own_changes(question: Question) -> Iterator[Change]:
    """Of the action's own fields, and of the clock."""
    yield from _field_changes(question)
    yield from _clock_changes(question)


def _field_changes(question: Question) -> Iterator[Change]:
    by_path: dict[str, list[Clause]] = {}
    for clause in question.clauses.leaves():
        leaf = clause.condition.leaf
        if leaf and not leaf.field.clock and not leaf.field.counter and not leaf.field.fact:
            by_path.setdefault(leaf.field.path, []).append(clause)
    for clauses in islice(by_path.values(), _MOST_FIELDS):
        if change := _field_change(clauses, question):
            yield change


def _field_change(clauses: list[Clause], question: Question) -> Change | None:
    met = _met(clauses)
    tries = [(leaf, other) for leaf, value in met for other in near_values(leaf, value, question.scope)]
    before = clauses[0].value
    tries.sort(key=lambda one: (one[1] is MISSING, gap(before, one[1])))
    for leaf, other in tries[:MOST_TRIES]:
        action = with_value(question.action, leaf.field.path, other)
        if action and (plan := question.plan_without_rule(action, question.scope.now)):
            return Change(leaf, before, other, plan)
    return None


def _met(clauses: list[Clause]) -> Iterator[tuple[Leaf, Any]]:
    return ((clause.condition.leaf, clause.value) for clause in clauses if clause.condition.leaf)


def _clock_changes(question: Question) -> Iterator[Change]:
    """The nearest instant before and the nearest after at which the clock would have said otherwise."""
    first = next((one for one in question.clauses.leaves() if _asks_the_clock(one)), None)
    if first is None or first.condition.leaf is None:
        return
    scope, leaf = question.scope, first.condition.leaf

    def at(moment: datetime) -> Scope:
        other = Scope(question.action, moment, scope.zone, scope.lists, scope.counts)
        other.payload = scope.payload
        return other

    test = question.rule.condition.test
    for moment in turning_points(scope.now, lambda moment: test(at(moment))):
        if plan := question.plan_without_rule(question.action, moment):
            yield Change(leaf, first.value, leaf.field.get(at(moment)), plan, moment)


def _asks_the_clock(clause: Clause) -> bool:
    return clause.condition.leaf is not None and clause.condition.leaf.field.clock is not None


def with_value(action: ActionView, path: str, value: Any) -> ActionView | None:
    """The action with this value at `action.…`, MISSING to leave it out; None where there is no such place."""
    name, _, rest = path.removeprefix("action.").partition(".")
    if name == "payload":
        payload = _put(action.payload, rest.split("."), value)
        return None if payload is None else replace(action, payload=payload)
    if name == "metadata":
        others = {key: inner for key, inner in action.metadata.items() if key != rest}
        kept = others if value is MISSING else {**others, rest: value}
        return replace(action, metadata=kept) if value is MISSING or isinstance(value, str) else None
    changed: dict[str, Any] = {name: None if value is MISSING else value}
    fits = name not in _NEEDED if value is MISSING else isinstance(value, str) and bool(value)
    return replace(action, **changed) if fits else None


def _put(inside: Any, segments: list[str], value: Any) -> Any:
    """A copy with the value there, or None where the way there ends before."""
    first, *rest = segments
    if isinstance(inside, list):
        if not first.isdecimal() or int(first) >= len(inside) or value is MISSING:
            return None
        inner = _put(inside[int(first)], rest, value) if rest else value
        return None if rest and inner is None else [*inside[: int(first)], inner, *inside[int(first) + 1 :]]
    if not isinstance(inside, Mapping):
        return None
    if not rest:
        others = {key: inner for key, inner in inside.items() if key != first}
        return others if value is MISSING else {**inside, first: value}
    inner = _put(inside.get(first), rest, value)
    return None if inner is None else {**inside, first: inner}
