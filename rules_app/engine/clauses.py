"""A condition clause by clause, with the values that it met: for traces and explanations. Pure.

Decisions never come here: they run a condition's closures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rules_app.engine.conditions import Condition
from rules_app.engine.scope import MISSING, Scope


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """One part of a condition, and whether it held. `value` is what stood at a leaf's field, MISSING for groups;
    `other` what stood at the field that it is compared with.
    """

    condition: Condition
    holds: bool
    value: Any = MISSING
    children: tuple[Clause, ...] = ()
    other: Any = MISSING

    def leaves(self) -> Iterator[Clause]:
        """Every comparison, in the order in which they are written."""
        if self.condition.leaf:
            yield self
        for child in self.children:
            yield from child.leaves()

    def reasons(self) -> Iterator[Clause]:
        """The comparisons that made it so: of an `any` that holds, those that hold, and so on."""
        group = self.condition.group
        if self.condition.leaf:
            yield self
        elif group == "not":
            yield from self.children[0].reasons()
        else:
            # Of an `all` that holds and an `any` that does not, every part has its share.
            whole = self.holds is (group == "all")
            for child in self.children:
                if whole or child.holds is self.holds:
                    yield from child.reasons()


def clauses_of(condition: Condition, scope: Scope) -> Clause:
    """What the condition meets in this scope, whose zone is the rule's."""
    holds = condition.test(scope)
    if leaf := condition.leaf:
        other = leaf.other.get(scope) if leaf.other else MISSING
        return Clause(condition, holds, leaf.field.get(scope), other=other)
    return Clause(condition, holds, children=tuple(clauses_of(child, scope) for child in condition.children))
