"""Who is told of a run's course. Filled at start-up; chains_app knows no owner.

A listener works inside the transaction that records the change, after `lock` has taken the owner's row:
the lock order is approval, order, run, step, gate rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

from audit_app.services.journal import Journal
from chains_app.models import Run


class Listener(Protocol):
    def lock(self, owner_id: UUID) -> None:
        """Lock the owner's row."""

    def ended(self, run: Run, *, in_doubt: bool, now: datetime, journal: Journal) -> None:
        """The run has its terminal status. `in_doubt`: an effect of it stands, or may stand."""

    def resumed(self, run: Run, *, now: datetime) -> None:
        """An ended run goes on. Raises a conflict where the owner cannot have it back."""

    def transition(self, run: Run, *, to: str, step: str, now: datetime, journal: Journal) -> None:
        """A step asks for a move of the owner's lifecycle."""


_listeners: dict[str, Listener] = {}


def register(owner_kind: str, listener: Listener) -> None:
    if owner_kind in _listeners and type(_listeners[owner_kind]) is not type(listener):
        raise ValueError(f"{owner_kind} has a listener already")
    _listeners[owner_kind] = listener


def listener_for(run: Run) -> Listener | None:
    return listener_of(run.owner_kind)


def listener_of(owner_kind: str) -> Listener | None:
    return _listeners.get(owner_kind)


def listeners() -> Mapping[str, Listener]:
    return MappingProxyType(_listeners)
