"""What the trials of a rule come to: how many, worth how much, when, where, and what happened anyway. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from rules_app.engine.rollout import WITHIN
from rules_app.engine.trials import SHADOW, SIDES
from rules_app.trial_facts import ACCEPTED, HOLDS, PASSED, REFUSALS

GOES_ON = frozenset(("executed", "rerouted", "chain_started", "grouped"))
_ACCEPTED = frozenset(ACCEPTED.values())
_UNLESS_ALLOWED = frozenset(("suppressed", "pending_approval", "scheduled", "rerouted"))


@dataclass(frozen=True, slots=True)
class Tally:
    """Trials that are alike. `day` is in UTC, `amount` in the smallest unit of `currency` ("": not known)."""

    side: str
    would: str
    happened: str
    decided_by: str
    namespace: str
    tenant: str
    currency: str
    day: date
    trials: int
    amount: int

    def differs(self, rule: str) -> bool:
        return makes_difference(self.side, self.would, self.happened, self.decided_by == rule)


def makes_difference(side: str, would: str, happened: str, decided: bool) -> bool:
    """Whether the rule did, within its share; else whether it would have. `decided`: it is the one that did."""
    if side == WITHIN:
        return decided or would == "modify"
    return would_differ(would, happened)


def would_differ(would: str, happened: str) -> bool:
    """Whether the rule would have made another thing of the action than what happened."""
    if would == PASSED:
        return False
    if would in REFUSALS:
        return happened in _ACCEPTED
    if would in HOLDS:
        return happened in GOES_ON
    if would == "allow":
        return happened in _UNLESS_ALLOWED
    return happened in _ACCEPTED and happened != ACCEPTED.get(would)


@dataclass(slots=True)
class Sum:
    """`trials` in all; `differing` those to which the rule made, or would have made, a difference, `worth` so much."""

    trials: int = 0
    differing: int = 0
    worth: Counter[str] = field(default_factory=Counter)

    @property
    def anyway(self) -> int:
        return self.trials - self.differing

    def add(self, tally: Tally, rule: str) -> None:
        self.trials += tally.trials
        if tally.differs(rule):
            self.differing += tally.trials
            if tally.currency:
                self.worth[tally.currency] += tally.amount


@dataclass(frozen=True, slots=True)
class Fate:
    """What happened to some of the trials, and the rule that made it so, "" where none did."""

    happened: str
    rule: str


@dataclass(frozen=True, slots=True)
class Side:
    """The trials of one side: in shadow, or within, outside or without a key of a rollout."""

    name: str
    all: Sum
    would: Mapping[str, int]
    outcomes: Mapping[str, int]
    days: Mapping[date, Sum]
    shops: Mapping[tuple[str, str], Sum]
    fates: Mapping[Fate, Sum]

    @property
    def main(self) -> str:
        """What it would have done to most of them; of a gate, what to those that it would have stopped."""
        return next((one for one in self.would if one != PASSED), PASSED if self.would else "")


@dataclass(frozen=True, slots=True)
class Report:
    """Whole hours from `begin` until before `end`, in UTC. `sides` in the order of SIDES, those with trials."""

    rule: str
    begin: datetime
    end: datetime
    sides: Mapping[str, Side]

    @property
    def shadow(self) -> Side | None:
        return self.sides.get(SHADOW)

    @property
    def rollout(self) -> list[Side]:
        return [side for name, side in self.sides.items() if name != SHADOW]

    @property
    def trials(self) -> int:
        return sum(side.all.trials for side in self.sides.values())

    def share(self, side: Side) -> float:
        """Of the trials of the rollout, in percent."""
        whole = sum(one.all.trials for one in self.rollout)
        return 100 * side.all.trials / whole if whole else 0.0


def report_of(rule: str, begin: datetime, end: datetime, tallies: Iterable[Tally]) -> Report:
    by_side: dict[str, list[Tally]] = defaultdict(list)
    for tally in tallies:
        by_side[tally.side].append(tally)
    return Report(
        rule, begin, end, {name: _side(rule, name, by_side[name]) for name in SIDES if name in by_side}
    )


def _side(rule: str, name: str, tallies: list[Tally]) -> Side:
    return Side(
        name,
        _sums(rule, tallies, lambda one: None)[None],
        _counts(tallies, lambda one: one.would),
        _counts(tallies, lambda one: one.happened),
        dict(sorted(_sums(rule, tallies, lambda one: one.day).items())),
        _largest(_sums(rule, tallies, lambda one: (one.namespace, one.tenant))),
        _largest(_sums(rule, tallies, lambda one: Fate(one.happened, one.decided_by))),
    )


def _sums(rule: str, tallies: Iterable[Tally], key: Callable[[Tally], Any]) -> dict[Any, Sum]:
    found: dict[Hashable, Sum] = defaultdict(Sum)
    for tally in tallies:
        found[key(tally)].add(tally, rule)
    return found


def _counts(tallies: Iterable[Tally], key: Callable[[Tally], str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for tally in tallies:
        found[key(tally)] += tally.trials
    return dict(found.most_common())


def _largest(sums: Mapping[Any, Sum]) -> dict[Any, Sum]:
    return dict(sorted(sums.items(), key=lambda pair: (-pair[1].trials, str(pair[0]))))
