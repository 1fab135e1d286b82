"""Which frames a listener gets: what it asked for, as far as its key goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acteon_site.base.principals import Principal
from audit_app.stream.frames import Frame

FILTERS = ("namespace", "tenant", "action_type", "outcome", "event_type", "chain_id", "action_id")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Exact values by frame attribute; all of them must hold."""

    values: tuple[tuple[str, str], ...] = ()

    def passes(self, frame: Frame) -> bool:
        return all(getattr(frame, name) == value for name, value in self.values)


def wanted_of(query: Mapping[str, str]) -> Wanted:
    return Wanted(tuple((name, query[name]) for name in FILTERS if name in query))


def may_see(caller: Principal, frame: Frame) -> bool:
    """The key's four scopes decide; what belongs to no tenant is for callers of scope `*` only."""
    if not frame.namespace and not frame.tenant and not caller.is_global:
        return False
    return caller.covers_action(frame.namespace, frame.tenant, frame.provider, frame.action_type)
