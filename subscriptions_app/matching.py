"""Which events a subscription gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LISTS = ("event_types", "action_types", "providers", "outcomes")


@dataclass(frozen=True, slots=True)
class Facts:
    """What of an event is looked at."""

    namespace: str
    tenant: str
    event_type: str
    action_type: str
    provider: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """All of it must hold; an empty list lets everything through. In `event_types` and `action_types` * is any text."""

    namespace: str
    tenant: str
    event_types: tuple[str, ...] = ()
    action_types: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()

    def takes(self, facts: Facts) -> bool:
        return (
            (facts.namespace, facts.tenant) == (self.namespace, self.tenant)
            and _any(self.event_types, facts.event_type)
            and _any(self.action_types, facts.action_type)
            and (not self.providers or facts.provider in self.providers)
            and (not self.outcomes or facts.outcome in self.outcomes)
        )


def wanted_of(row: Any) -> Wanted:
    """Of a subscription's row."""
    return Wanted(row.namespace, row.tenant, *(tuple(getattr(row, name)) for name in LISTS))


def matches(pattern: str, name: str) -> bool:
    """Whether the pattern is the whole name; part by part, so that no pattern takes long."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    *middle, last = rest
    at = len(first)
    if not name.startswith(first):
        return False
    for part in middle:
        found = name.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(name) - at >= len(last) and name.endswith(last)


def order_key(event: Mapping[str, Any]) -> str:
    """What keeps its events in order: the action, else the chain; what belongs to neither waits for nothing."""
    if event["action_id"]:
        return f"action:{event['action_id']}"
    return f"chain:{event['chain_id']}" if event["chain_id"] else f"event:{event['number']}"


def _any(patterns: tuple[str, ...], name: str) -> bool:
    return not patterns or any(matches(pattern, name) for pattern in patterns)
