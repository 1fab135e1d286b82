"""Throttles over time: what the trail says is believed until the two worlds have let different actions pass."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rules_app.backtesting.past import EARLIER, Judged, Past, Token, Would, seconds
from rules_app.engine.actions.throttle import MAX_COUNT, Throttle
from rules_app.engine.counters import next_slot, slots_after


@dataclass(slots=True)
class Throttles:
    """`rules`: the throttles by the names of their rules."""

    rules: Mapping[str, Throttle]
    _slots: dict[Token, list[int]] = field(default_factory=dict)
    _unsure: dict[Token, deque[int]] = field(default_factory=dict)
    # Until when what the trail says of a throttle does not hold: a window after they let different actions pass.
    _apart: dict[Token, int] = field(default_factory=dict)

    def ask(self, past: Past, judged: Judged) -> Would | None:
        for rule in self._of(judged.gates):
            if self._believed(rule, past, judged):
                if past.outcome == "throttled" and past.rule == rule:
                    return Would("throttled", rule)
            elif self._is_full(rule, past, ()):
                return Would("throttled", rule)
            elif self._is_full(rule, past, self._unsure.get(_counted(past, rule), ())):
                return Would("", unknown=EARLIER)
        return None

    def settle(self, past: Past, would: Would, gates: tuple[str, ...], same: tuple[str, ...]) -> None:
        passes = self._of(gates) if would.accepted else []
        passed = self._of(past.gates) if past.accepted else []
        parted = {*passes} ^ {*passed} | {rule for rule in passes if rule not in same}
        for rule in passes:
            self._take(rule, past)
        if would.unknown == EARLIER:
            parted |= {*self._of(gates)}
            for rule in self._of(gates):
                self._unsure.setdefault(_counted(past, rule), deque(maxlen=MAX_COUNT)).append(past.at)
        for rule in parted:
            self._apart[_counted(past, rule)] = past.at + seconds(self.rules[rule].window_seconds)

    def _of(self, gates: tuple[str, ...]) -> list[str]:
        return [name for name in gates if name in self.rules]

    def _believed(self, rule: str, past: Past, judged: Judged) -> bool:
        """The trail tells whether it was full, and so it was here."""
        if rule not in judged.same_gates or rule not in past.gates:
            return False
        if past.at < self._apart.get(_counted(past, rule), 0):
            return False
        return past.accepted or (past.outcome == "throttled" and _asked_by_then(rule, past))

    def _is_full(self, rule: str, past: Past, unsure: Iterable[int]) -> bool:
        """With what has passed here for sure, and what may have."""
        limit, began = self.rules[rule], past.at - seconds(self.rules[rule].window_seconds)
        slots = self._slots.get(_counted(past, rule), [])
        more = [at for at in unsure if at > began]
        taken = sorted((*slots, *more)) if more else slots
        return next_slot(taken, past.at, limit.max_count, limit.window_seconds) > past.at

    def _take(self, rule: str, past: Past) -> None:
        limit, key = self.rules[rule], _counted(past, rule)
        slots = self._slots.get(key, [])
        self._slots[key] = slots_after(slots, past.at, past.at, limit.window_seconds)


def _asked_by_then(rule: str, past: Past) -> bool:
    """Gates are asked in their order, and the first that is full ends it."""
    return past.rule in past.gates and past.gates.index(rule) <= past.gates.index(past.rule)


def _counted(past: Past, rule: str) -> Token:
    return past.namespace, past.tenant, rule, past.action_type
