"""What conditions ask of counters, against how these are declared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from acteon_site.base.errors import FieldProblem
from rules_app.checking.ground import parts_of
from rules_app.engine import Rule
from rules_app.engine.conditions import Leaf
from rules_app.engine.counting import Counter
from rules_app.engine.fields import COUNTER
from rules_app.engine.suggest import nearest

_UP_TO = ("gte", "lt")  # can still tell `most` from fewer


def counter_problems(rule: Rule, counters: Iterable[Counter]) -> Iterator[FieldProblem]:
    """Counters that nobody declared, and numbers up to which one does not count."""
    if not rule.counters:
        return
    declared = {counter.name: counter for counter in counters}
    for part, place in parts_of(rule.condition):
        leaf = part.leaf
        if leaf is None or not leaf.field.counter:
            continue
        counter = declared.get(leaf.field.counter)
        if counter is None:
            yield FieldProblem(f"{place}.field", _undeclared(leaf.field.counter, declared))
        elif counter.capped and _beyond(leaf, counter.most):
            message = f"{counter.path} counts up to {counter.most} only: declare it with a higher `most`"
            yield FieldProblem(f"{place}.{leaf.operator.name}", message)


def _undeclared(name: str, declared: Mapping[str, Counter]) -> str:
    guess = nearest(name, declared, {known.lower().replace("-", "_"): known for known in declared})
    if guess:
        return f"unknown counter '{COUNTER}{name}', did you mean '{COUNTER}{guess}'?"
    known = ", ".join(sorted(declared)) or "none"
    return f"unknown counter '{name}': declare it under counters; declared are {known}"


def _beyond(leaf: Leaf, most: int) -> bool:
    members = leaf.operand if isinstance(leaf.operand, list) else [leaf.operand]
    numbers = [one for one in members if isinstance(one, int | float) and not isinstance(one, bool)]
    highest = max(numbers, default=0)
    return highest > most or (highest == most and leaf.operator.name not in _UP_TO)
