"""What would change, counted: by outcome, rule and shop, with the value of each currency by itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rules_app.backtesting.past import Past, Would

MOST_LISTED = 5_000
MOST_OF_A_KIND = 1_000
MOST_SHOPS = 500
SAME, CHANGED, OTHERWISE, UNKNOWN = "same", "changed", "otherwise", "unknown"
KINDS = (CHANGED, OTHERWISE, UNKNOWN)
Values = Mapping[str, int]


class Listed(NamedTuple):
    """A dispatch that would fare otherwise. `how`: changed, otherwise or unknown; `note` says more of the last two."""

    past: Past
    would: Would
    how: str
    note: str = ""


@dataclass(slots=True)
class _Sum:
    count: int = 0
    values: Counter[str] = field(default_factory=Counter)

    def add(self, past: Past) -> None:
        self.count += 1
        if past.amount is not None:
            self.values[past.currency] += past.amount

    def told(self) -> dict[str, Any]:
        return {"count": self.count, "values": dict(sorted(self.values.items()))}


@dataclass(slots=True)
class _Shop:
    dispatches: int = 0
    changed: _Sum = field(default_factory=_Sum)
    unknown: int = 0


@dataclass(slots=True)
class _Rule:
    was: _Sum = field(default_factory=_Sum)
    would: _Sum = field(default_factory=_Sum)


@dataclass(slots=True)
class Tally:
    """Counts all, and keeps the first of each kind of difference."""

    listed: list[Listed] = field(default_factory=list)
    _dispatches: _Sum = field(default_factory=_Sum)
    _how: Counter[str] = field(default_factory=Counter)
    _pairs: dict[tuple[str, str], _Sum] = field(default_factory=lambda: defaultdict(_Sum))
    _rules: dict[str, _Rule] = field(default_factory=lambda: defaultdict(_Rule))
    _shops: dict[tuple[str, str], _Shop] = field(default_factory=lambda: defaultdict(_Shop))
    _reasons: Counter[str] = field(default_factory=Counter)
    _otherwise: Counter[str] = field(default_factory=Counter)
    _versions: Counter[int] = field(default_factory=Counter)
    _kept: Counter[tuple[str, ...]] = field(default_factory=Counter)
    _answers: int = 0
    _replays: int = 0

    def add(self, past: Past, would: Would) -> None:
        if not past.counted:
            self._replays += past.replay
            return
        found = compared(past, would)
        self._how[found.how] += 1
        self._dispatches.add(past)
        self._versions[past.version] += 1
        shop = self._shops[past.namespace, past.tenant]
        shop.dispatches += 1
        if found.how == UNKNOWN:
            self._reasons[would.unknown] += 1
            shop.unknown += 1
        else:
            self._count_known(found, shop)
        if found.how != SAME:
            self._keep(found)

    def _count_known(self, found: Listed, shop: _Shop) -> None:
        past, would = found.past, found.would
        self._rules[past.rule].was.add(past)
        self._rules[would.rule].would.add(past)
        self._answers += would.answer_unknown
        if found.how == CHANGED:
            self._pairs[past.outcome, would.outcome].add(past)
            shop.changed.add(past)
        elif found.how == OTHERWISE:
            self._otherwise.update(found.note.split(", "))

    def _keep(self, found: Listed) -> None:
        kind = (found.how, found.past.outcome, found.would.outcome)
        if len(self.listed) < MOST_LISTED and self._kept[kind] < MOST_OF_A_KIND:
            self._kept[kind] += 1
            self.listed.append(found)

    def summary(self) -> dict[str, Any]:
        """As it is stored and answered; money in the smallest units of each currency."""
        return {
            "dispatches": self._dispatches.told(),
            "same": self._how[SAME],
            "changed": self._how[CHANGED],
            "otherwise": {"count": self._how[OTHERWISE], "by": dict(sorted(self._otherwise.items()))},
            "unknown": {"count": self._how[UNKNOWN], "by": dict(sorted(self._reasons.items()))},
            "answers_unknown": self._answers,
            "replays": self._replays,
            "versions": {str(number): count for number, count in sorted(self._versions.items())},
            "outcomes": [
                {"from": was, "to": would, **found.told()}
                for (was, would), found in sorted(self._pairs.items(), key=lambda pair: -pair[1].count)
            ],
            "rules": [_rule_told(name, rule) for name, rule in sorted(self._rules.items())],
            "shops": self._shops_told(),
            "shops_total": len(self._shops),
            "listed": len(self.listed),
        }

    def _shops_told(self) -> list[dict[str, Any]]:
        most = sorted(self._shops.items(), key=lambda shop: (-shop[1].changed.count, shop[0]))
        return [
            {
                "namespace": namespace,
                "tenant": tenant,
                "dispatches": shop.dispatches,
                "unknown": shop.unknown,
                "changed": shop.changed.told(),
            }
            for (namespace, tenant), shop in most[:MOST_SHOPS]
        ]


def _rule_told(name: str, rule: _Rule) -> dict[str, Any]:
    """The empty name: no rule decided."""
    return {"rule": name, "was": rule.was.told(), "would": rule.would.told()}


def compared(past: Past, would: Would) -> Listed:
    if would.unknown:
        return Listed(past, would, UNKNOWN, would.unknown)
    if would.outcome != past.outcome:
        return Listed(past, would, CHANGED)
    notes = [] if would.rule == past.rule else ["rule"]
    if would.accepted and past.judged:
        notes += past.judged.otherwise if past.judged.alike else ["provider"]
    return Listed(past, would, OTHERWISE, ", ".join(notes)) if notes else Listed(past, would, SAME)
