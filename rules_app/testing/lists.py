"""Named lists of a test: what it states of them goes before what files or the database hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from rules_app.engine.named_lists import ALL, EXACT, Content, Held, Identity, Lists, normalised

Stated = Mapping[str, tuple[str, ...]]


def held(values: Iterable[tuple[str, datetime | None]], matching: str = EXACT) -> Held:
    """A list of these values, each with its expiry."""
    return Held({normalised(value, matching): expiry for value, expiry in values}, matching)


def stated(lists: Stated, others: Lists) -> Lists:
    """The others, and in place of all of one name what a test states, for every tenant."""
    return _Stated(lists, others)


class _Stated(Lists):
    def __init__(self, lists: Stated, others: Lists) -> None:
        own: dict[Identity, Content] = {
            (name, ALL, ALL): held(((value, None) for value in values), others.matching(name))
            for name, values in lists.items()
        }
        super().__init__(own)
        self._names, self._others = frozenset(lists), others

    def holds(self, name: str, namespace: str, tenant: str, value: str, now: datetime) -> bool:
        if name in self._names:
            return super().holds(name, namespace, tenant, value, now)
        return self._others.holds(name, namespace, tenant, value, now)
