"""Keys and names that are taken: what the trail says of them is believed until the two worlds have parted.

They part where an action is accepted in only one of them, or accepted in both but done otherwise. From then on the key
or name is free, held by a schedule, or not known: whether an order lives depends on its provider or its approver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rules_app.backtesting.past import (
    DEDUP_KEY,
    EARLIER,
    EXECUTED,
    LIVING_ORDER,
    REPEAT,
    Judged,
    Past,
    Token,
    Would,
)

UNKNOWN = Would("", unknown=EARLIER)
_PURGE_AT = 200_000
_LASTING = frozenset(EXECUTED.values())


class _Parted(NamedTuple):
    """How a key or name stands in the other world: `known`, a name is free and a key is as it was replayed.

    Something may wait under it `until` then; with `rule`, the schedule of that rule surely does. `waits_alike`: what
    waits under it is the same in both, and only the gates on the key are not.
    """

    known: bool
    rule: str = ""
    until: int = 0
    waits_alike: bool = False


_FREE, _OTHER_GATE = _Parted(True), _Parted(True, waits_alike=True)


class _Taken(NamedTuple):
    until: int
    sure: bool


@dataclass(slots=True)
class Claims:
    """`ttls`, `waits`: microseconds by the names of the rules that deduplicate, and of those that hold."""

    ttls: Mapping[str, int]
    waits: Mapping[str, int]
    _parted: dict[Token, _Parted] = field(default_factory=dict)
    _taken: dict[Token, _Taken] = field(default_factory=dict)

    def ask(self, past: Past, judged: Judged) -> Would | None:
        """What it comes to as a repeat of an earlier one; None where it is none."""
        return self._held(past, judged) or self._key_taken(past, judged) or self._order_lives(past, judged)

    def settle(self, past: Past, judged: Judged, would: Would) -> None:
        """Note what it has taken, here and there."""
        for token in (judged.key, judged.name):
            if token is not None:
                self._settle_one(token, past, judged, would)
        if would.accepted:
            ends = past.at + self.waits.get(judged.rule, 0)
            self._take(
                judged.key,
                self._dedup(judged.gates),
                ends,
                sure=judged.alike and past.accepted and _lasts(past),
            )

    def follow(self, past: Past, judged: Judged) -> None:
        """Note what it had really taken, before these rules are thought to be in force."""
        if past.accepted:
            self._take(judged.key, judged.key_rule_then, past.at, sure=_lasts(past))

    def _settle_one(self, token: Token, past: Past, judged: Judged, would: Would) -> None:
        until = past.at + self.waits.get(judged.rule, 0)
        before = self._parted.get(token)
        if would.unknown:
            self._parted[token] = _Parted(False, "", max(until, before.until if before else 0))
        elif not would.accepted:
            if past.accepted and not (before and not before.known):
                self._parted[token] = _FREE
        elif not (past.accepted and judged.alike):
            sure = judged.rule if would.outcome == "scheduled" else ""
            self._parted[token] = _Parted(False, sure, until)
        elif token == judged.key and not self._same_gate(judged):
            self._parted[token] = _OTHER_GATE
        else:
            self._parted.pop(token, None)

    def _same_gate(self, judged: Judged) -> bool:
        """The key is taken in both worlds by the same rule, set the same, or in neither."""
        rule = self._dedup(judged.gates)
        return rule == judged.key_rule_then and (not rule or rule in judged.same_gates)

    def _take(self, key: Token | None, rule: str, begins: int, *, sure: bool) -> None:
        """If there is a rule for that. `sure`: it was really done so, and not refused later."""
        if rule in self.ttls and key is not None:
            self._purge(begins)
            self._taken[key] = _Taken(begins + self.ttls[rule], sure)

    def _purge(self, now: int) -> None:
        if len(self._taken) >= _PURGE_AT and len(self._taken) % _PURGE_AT == 0:
            self._taken = {key: taken for key, taken in self._taken.items() if taken.until > now}

    def _held(self, past: Past, judged: Judged) -> Would | None:
        tokens = [token for token in (judged.key, judged.name) if token is not None]
        apart = [one for one in map(self._parted.get, tokens) if one and not one.waits_alike]
        waiting = [one for one in apart if past.at < one.until]
        if waiting:
            surely = next((one.rule for one in waiting if one.rule), "")
            return Would("scheduled", surely) if surely else UNKNOWN
        if past.repeat != REPEAT:
            return None
        if not apart:
            return _as_recorded(past)
        # What waited under its key waits still; whether it did nobody says. A name's order is known (`lived`).
        key = self._parted.get(judged.key) if judged.key is not None else _FREE
        return UNKNOWN if key is None or key.waits_alike else None

    def _key_taken(self, past: Past, judged: Judged) -> Would | None:
        rule = self._dedup(judged.gates)
        if not rule or judged.key is None:
            return None
        parted = self._parted.get(judged.key)
        if parted is not None:
            return self._replayed(judged.key, rule, past.at) if parted.known else UNKNOWN
        if past.reached_gates and past.repeat != REPEAT and self._same_gate(judged):
            return _as_recorded(past) if past.repeat == DEDUP_KEY else None
        return self._replayed(judged.key, rule, past.at)

    def _replayed(self, key: Token, rule: str, now: int) -> Would | None:
        taken = self._taken.get(key)
        if taken is None or taken.until <= now:
            return None
        return Would("deduplicated", rule) if taken.sure else UNKNOWN

    def _order_lives(self, past: Past, judged: Judged) -> Would | None:
        if judged.name is None:
            return None
        parted = self._parted.get(judged.name)
        if parted is not None:
            return None if parted.known else UNKNOWN
        if past.repeat == LIVING_ORDER:
            return _as_recorded(past)
        if past.no_repeat or not judged.lived:
            return None
        return UNKNOWN if judged.lived == EARLIER else Would(judged.lived)

    def _dedup(self, gates: tuple[str, ...]) -> str:
        return next((name for name in gates if name in self.ttls), "")


def _lasts(past: Past) -> bool:
    """Its order was not refused by its provider, which would have freed the key."""
    return past.outcome in _LASTING


def _as_recorded(past: Past) -> Would:
    return Would(past.outcome, past.rule)
