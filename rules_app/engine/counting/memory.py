"""Counters that nobody stores: for tests of rules, and whoever plays orders of the past again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rules_app.engine.counters import micros
from rules_app.engine.counting.declared import Counter
from rules_app.engine.counting.tallies import Mark, counted
from rules_app.engine.counting.uses import Use, found_by, use_of
from rules_app.engine.scope import ActionView, Counts

Key = tuple[str, ...]
Marks = Mapping[Key, Mark]
NOTHING: Marks = {}


class CounterMemory:
    """What the actions so far have left; `own` marks are those of an action that is released."""

    def __init__(self, counters: Iterable[Counter]) -> None:
        self._counters = tuple(counters)
        self._data: dict[Key, Mapping[str, Any]] = {}

    def found(self, action: ActionView, at: datetime, own: Marks = NOTHING) -> Counts:
        uses = [use_of(counter, action) for counter in self._counters]
        values = {use.counter.name: self._value(use, at, own) for use in uses}
        return Counts(values, {use.counter.name: use.lacks for use in uses if use.lacks})

    def _value(self, use: Use, at: datetime, own: Marks) -> Any:
        key = _key(use)
        return found_by(use, self._data.get(key, {}), micros(at), use.member, own.get(key))

    def count(self, action: ActionView, at: datetime) -> Marks:
        """Count an accepted action."""
        marks: dict[Key, Mark] = {}
        for use in (use_of(counter, action) for counter in self._counters):
            if use.counts:
                key = _key(use)
                mark = marks[key] = (micros(at), use.amount, use.member)
                self._data[key] = counted(use.counter, self._data.get(key, {}), mark)
        return marks


def _key(use: Use) -> Key:
    return use.counter.name, *use.group
