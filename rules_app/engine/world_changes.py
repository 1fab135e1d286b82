"""What would have had to differ around an action: a counter's number, a list's entry, the time of the rule. Pure.

As with the action's own fields, each is tried with the real decision before it is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from rules_app.engine.changes import MOST_TRIES, Change, Question, own_changes, rank
from rules_app.engine.clauses import Clause
from rules_app.engine.conditions import Leaf
from rules_app.engine.counting.declared import SUM
from rules_app.engine.named_lists import OPERATORS as NAMED_LISTS
from rules_app.engine.named_lists import Lists
from rules_app.engine.near_values import gap, near_values

_SECOND = timedelta(seconds=1)


def changes_of(question: Question) -> list[Change]:
    """One for each thing that alone would have made the difference, the nearest first."""
    found = [*own_changes(question), *_world_changes(question)]
    return sorted(found, key=lambda change: rank(change, question.scope.now))


def _world_changes(question: Question) -> Iterator[Change]:
    yield from _effect_changes(question)
    if question.ask_world is not None:
        yield from _counter_changes(question)
        yield from _list_changes(question)


def _counter_changes(question: Question) -> Iterator[Change]:
    """One for each counter: the nearest other number."""
    by_name: dict[str, list[Clause]] = {}
    for clause in question.clauses.leaves():
        if (leaf := clause.condition.leaf) and leaf.field.counter and type(clause.value) is int:
            by_name.setdefault(leaf.field.counter, []).append(clause)
    for name, clauses in by_name.items():
        if change := _counter_change(name, clauses, question):
            yield change


def _counter_change(name: str, clauses: list[Clause], question: Question) -> Change | None:
    before, counter = clauses[0].value, question.counters.get(name)
    tries = [
        (leaf, other) for leaf in _leaves(clauses) for other in near_values(leaf, before, question.scope)
    ]
    numbers = [(leaf, other) for leaf, other in tries if type(other) is int and other >= 0]
    for leaf, other in sorted(numbers, key=lambda one: gap(before, one[1]))[:MOST_TRIES]:
        values = {**question.scope.counts.values, name: other}
        if counter and (plan := question.plan_in_world(values, question.scope.lists)):
            return Change(leaf, before, other, plan, counter=counter)
    return None


def _leaves(clauses: list[Clause]) -> list[Leaf]:
    return [clause.condition.leaf for clause in clauses if clause.condition.leaf]


class Turned(Lists):
    """The same lists, but for one value, which is on that list where it was not, or the other way round."""

    __slots__ = ("_name", "_others", "_value")

    def __init__(self, others: Lists, name: str, value: str) -> None:
        super().__init__(version=others.version)
        self._others, self._name, self._value = others, name, value

    def holds(self, name: str, namespace: str, tenant: str, value: str, now: datetime) -> bool:
        found = self._others.holds(name, namespace, tenant, value, now)
        return not found if (name, value) == (self._name, self._value) else found


def _list_changes(question: Question) -> Iterator[Change]:
    seen: set[tuple[Any, str]] = set()
    for clause in question.clauses.leaves():
        leaf, value = clause.condition.leaf, clause.value
        if leaf is None or leaf.operator.name not in NAMED_LISTS or not isinstance(value, str):
            continue
        if (leaf.operand, value) not in seen:
            seen.add((leaf.operand, value))
            lists = Turned(question.scope.lists, leaf.operand, value)
            if plan := question.plan_in_world(question.scope.counts.values, lists):
                was_on = clause.holds is (leaf.operator.name == NAMED_LISTS[0])
                yield Change(leaf, value, value, plan, on_list=not was_on)


def _effect_changes(question: Question) -> Iterator[Change]:
    """Before the rule took effect, and once it had ended."""
    effect, zone = question.rule.effect, question.scope.zone
    ends = [
        (effect.begin.at(zone) - _SECOND, "before the rule took effect") if effect and effect.begin else None,
        (effect.end.at(zone), "when the rule had ended") if effect and effect.end else None,
    ]
    for moment, why in (end for end in ends if end):
        if plan := question.plan_without_rule(question.action, moment):
            yield Change(None, None, None, plan, moment, why=why)


def counter_in_words(change: Change, apart: str) -> str:
    """ "one order less in 1 day"; of a sum `apart` is the amount that lies between."""
    counter = change.counter
    assert counter is not None  # noqa: S101 - asked of such changes only
    window = counter.window.in_words()
    if counter.what == SUM:
        return f"{apart} of {counter.of_in_words()} {window}"
    size = abs(change.after - change.before)
    way = "less" if change.after < change.before else "more"
    thing = "order" if counter.of is None else f"different {counter.of_in_words()}"
    plural = "s" if size != 1 and counter.of is None else ""
    return f"{'one' if size == 1 else f'{size:,}'} {thing}{plural} {way} {window}"
