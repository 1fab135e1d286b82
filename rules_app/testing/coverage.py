"""What the tests have seen of the rules: which matched, and which clauses were true once and false once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rules_app.checking.ground import parts_of
from rules_app.engine import ActionView, RuleSet, RuleTrace
from rules_app.engine.named_lists import NO_LISTS, Lists
from rules_app.engine.scope import NO_COUNTS, Counts, Scope


@dataclass(slots=True)
class RuleCoverage:
    """`branches`: for each clause, by its place, whether it was seen true and seen false where the rule was asked."""

    rule: str
    matched: int = 0
    asked: int = 0
    branches: dict[str, set[bool]] = field(default_factory=dict)

    @property
    def taken(self) -> int:
        return sum(len(seen) for seen in self.branches.values())

    @property
    def possible(self) -> int:
        return 2 * len(self.branches)

    def missing(self) -> Iterator[str]:
        for place, seen in self.branches.items():
            yield from (f"{place} never {str(one).lower()}" for one in (True, False) if one not in seen)


class Coverage:
    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self.rules = {rule.name: RuleCoverage(rule.name) for rule in rules.rules if rule.enabled}
        for rule in rules.rules:
            if rule.enabled:
                leaves = [place for part, place in parts_of(rule.condition) if part.leaf]
                self.rules[rule.name].branches = {place: set() for place in leaves}

    def note(
        self,
        action: ActionView,
        at: datetime,
        traces: Sequence[RuleTrace],
        lists: Lists = NO_LISTS,
        counts: Counts = NO_COUNTS,
    ) -> None:
        """What one decision asked. The payload is followed through the modify rules."""
        scope = Scope(action, at, self._rules.zone, lists, counts)
        for seen in traces:
            if seen.result not in ("matched", "not_matched"):
                continue
            mine = self.rules[seen.rule.name]
            scope.zone = seen.rule.zone or self._rules.zone
            mine.asked += 1
            mine.matched += seen.result == "matched"
            for part, place in parts_of(seen.rule.condition):
                if part.leaf:
                    mine.branches[place].add(part.test(scope))
            scope.payload = scope.payload if seen.payload is None else seen.payload

    @property
    def matched(self) -> int:
        return sum(one.matched > 0 for one in self.rules.values())

    @property
    def branches(self) -> tuple[int, int]:
        """How many were taken, of how many."""
        every = self.rules.values()
        return sum(one.taken for one in every), sum(one.possible for one in every)

    @property
    def percent(self) -> float:
        """Of the branches, 100 where there are none."""
        taken, possible = self.branches
        return 100.0 * taken / possible if possible else 100.0
