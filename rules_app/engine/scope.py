"""What conditions look at: one action, its payload as modified so far, and one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Final

from rules_app.engine.named_lists import NO_LISTS, Lists


class _Missing:
    """The value of a field that is not there. It equals nothing and has no type that an operator wants."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "missing"


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class ActionView:
    """An action as conditions see it under `action.*`. `payload` is a JSON object and is never changed.

    `order_name` is what its lifecycle calls the order, where one claims it; conditions do not see it. `caller` is who
    sent it, by the paths of `caller.*` (rules_app.engine.facts).
    """

    namespace: str
    tenant: str
    provider: str
    action_type: str
    payload: dict[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    dedup_key: str | None = None
    fingerprint: str | None = None
    status: str | None = None
    template: str | None = None
    order_name: str | None = None
    caller: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """What an action finds in the counters, by their names; `lacks` says why it has no such counter.

    `unknown` are those of them that it had, and nobody can say any more what they said. `order`: what the
    ledger says of the order that a refund is about, by the paths of `order.*`.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    order: Mapping[str, Any] = field(default_factory=dict)


NO_COUNTS: Final = Counts()


class Scope:
    """The evaluation of one action: conditions read it, the walk sets `zone` and `payload`."""

    __slots__ = ("_locals", "action", "counts", "item", "lists", "now", "payload", "zone")
    item: Any  # the member of a list that is looked at; set only meanwhile

    def __init__(
        self,
        action: ActionView,
        now: datetime,
        zone: tzinfo,
        lists: Lists = NO_LISTS,
        counts: Counts = NO_COUNTS,
    ) -> None:
        self.action = action
        self.counts = counts
        self.payload = action.payload
        self.now = now
        self.zone = zone
        self.lists = lists
        self._locals: dict[tzinfo, datetime] = {}

    def local(self) -> datetime:
        """The instant in the zone of the rule at hand; computed when a condition first asks."""
        local = self._locals.get(self.zone)
        if local is None:
            local = self._locals[self.zone] = self.now.astimezone(self.zone)
        return local

    def on_list(self, name: str, value: str) -> bool:
        """Whether the list of that name, as it is for the action's tenant, holds the text now."""
        return self.lists.holds(name, self.action.namespace, self.action.tenant, value, self.now)


def kind_of(value: object) -> str:
    """The name of a JSON value's type, for messages and traces."""
    if value is MISSING:
        return "missing"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list | tuple) else type(value).__name__
