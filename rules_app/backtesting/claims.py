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
    """How a key or name stands in the other world: free, where that is `known`. Something may wait under it `until`
    then; with `rule`, the schedule of that rule surely does."""

    known: bool
    rule: str = ""
    until: int = 0


_FREE = _Parted(True)


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
        self.take(past, judged, would, sure=judged.alike)

    def _settle_one(self, token: Token, past: Past, judged: Judged, would: Would) -> None:
        until = past.at + self.waits.get(judged.rule, 0)
        before = self._parted.get(token)
        if would.unknown:
            self._parted[token] = _Parted(False, "", max(until, before.until if before else 0))
        elif not would.accepted:
            if past.accepted and not (before and not before.known):
                self._parted[token] = _FREE
        elif past.accepted and judged.alike:
            self._parted.pop(token, None)
        else:
            sure = judged.rule if would.outcome == "scheduled" else ""
            self._parted[token] = _Parted(False, sure, until)

    def take(self, past: Past, judged: Judged, would: Would, *, sure: bool) -> None:
        """Take its key, if there is a rule for that. `sure`: it was really done so, and not refused later."""
        rule = self._dedup(judged)
        if not (would.accepted and rule) or judged.key is None:
            return
        lasts = sure and past.accepted and past.outcome in _LASTING
        self._purge(past.at)
        self._taken[judged.key] = _Taken(past.at + self.waits.get(judged.rule, 0) + self.ttls[rule], lasts)

    def _purge(self, now: int) -> None:
        if len(self._taken) >= _PURGE_AT and len(self._taken) % _PURGE_AT == 0:
            self._taken = {key: taken for key, taken in self._taken.items() if taken.until > now}

    def _held(self, past: Past, judged: Judged) -> Would | None:
        stands = [self._parted.get(token) for token in (judged.key, judged.name) if token is not None]
        waiting = [one for one in stands if one and past.at < one.until]
        if waiting:
            surely = next((one.rule for one in waiting if one.rule), "")
            return Would("scheduled", surely) if surely else UNKNOWN
        if past.repeat != REPEAT:
            return None
        if not any(stands):
            return _as_recorded(past)
        # What waited under its key waits still; whether it did nobody says. A name's order is known (`lived`).
        return UNKNOWN if judged.key is not None and judged.key not in self._parted else None

    def _key_taken(self, past: Past, judged: Judged) -> Would | None:
        rule = self._dedup(judged)
        if not rule or judged.key is None:
            return None
        parted = self._parted.get(judged.key)
        if parted is not None:
            return self._replayed(judged.key, rule, past.at) if parted.known else UNKNOWN
        if past.reached_gates and past.repeat != REPEAT and rule in judged.same_gates and rule in past.gates:
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

    def _dedup(self, judged: Judged) -> str:
        return next((name for name in judged.gates if name in self.ttls), "")


def _as_recorded(past: Past) -> Would:
    return Would(past.outcome, past.rule)
