"""Counters in their rows: gate rows, which a set of actions locks with all others in one statement, in key order.

Keys and values that are told apart are keyed hashes. A key also holds when its counter began to count: one that is
declared anew, or otherwise, finds nothing of before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acteon_site.base.digest import keyed_hash
from rules_app.engine import ActionView, RuleSet
from rules_app.engine.counters import micros
from rules_app.engine.counting import Counter, Mark, Use, counted, found_by, over_at, use_of
from rules_app.engine.scope import Counts
from rules_app.services.gates import Gate, gates_read

_MEMBER = 24  # characters of a hash: enough to tell 10,000 values apart
Marks = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """An action's use of a counter, and the hash of its value. `asked`: rules may ask it.

    `key` is its row's; empty where the action has no such counter, or where it counts nothing yet.
    """

    use: Use
    key: str
    member: str
    asked: bool

    @property
    def counter(self) -> Counter:
        return self.use.counter

    def found(self, data: Mapping[str, Any], now: int, own: Any) -> Any:
        """The value for conditions; `own` is a mark as JSON has kept it."""
        mark: Mark | None = (own[0], own[1], own[2]) if own else None
        return found_by(self.use, data, now, self.member, mark)


def counters_met(
    counters: Iterable[Counter], action: ActionView, asked: Collection[str]
) -> tuple[Counted, ...]:
    """Those that are asked of the action, and those in which it will count."""
    met = (_met(use_of(counter, action), asked) for counter in counters)
    return tuple(one for one in met if one.asked or (one.use.counts and one.key))


def _met(use: Use, asked: Collection[str]) -> Counted:
    counter = use.counter
    stored = counter.since and not use.lacks
    key = f"counter:{keyed_hash(counter.name, counter.since, *use.group)}" if stored else ""
    member = keyed_hash(counter.name, use.member)[:_MEMBER] if use.member else ""
    return Counted(use, key, member, counter.name in asked)


def keys_of(met: Iterable[Counted]) -> list[str]:
    return [one.key for one in met if one.key]


def counts_found(met: Sequence[Counted], gates: Mapping[str, Gate], at: datetime, own: Marks) -> Counts:
    """What an action finds in the counters that are asked; `own` are the marks that it left there itself."""
    now = micros(at)
    asked = [one for one in met if one.asked]
    values = {
        one.counter.name: one.found(gates[one.key].data if one.key else {}, now, own.get(one.key))
        for one in asked
    }
    return Counts(values, {one.counter.name: one.use.lacks for one in asked if one.use.lacks})


def counters_count(met: Iterable[Counted], gates: Mapping[str, Gate], at: datetime) -> dict[str, Mark]:
    """Count the action, in the locked rows; answers the marks that it leaves."""
    marks: dict[str, Mark] = {}
    for one in met:
        if one.use.counts and one.key:
            mark = marks[one.key] = (micros(at), one.use.amount, one.member)
            gate = gates[one.key]
            gate.put(counted(one.counter, gate.data, mark), over_at(one.counter, mark[0]))
    return marks


def counters_asked(rules: RuleSet, action: ActionView) -> list[Counted]:
    """Those that some rule may ask of the action."""
    asked = rules.asked(action, cleared=True)
    return [one for one in counters_met(rules.counters, action, asked) if one.asked]


def counts_now(rules: RuleSet, action: ActionView, at: datetime | None = None) -> Counts:
    """What a new action would find at this moment, or at one ahead. No lock, and no statement where no rule asks."""
    met = counters_asked(rules, action)
    if not met:
        return Counts()
    gates, now = gates_read(keys_of(met), at)
    return counts_found(met, gates, now, {})
