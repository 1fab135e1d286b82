"""Owners of runs, and what they do when their runs end or go on. They list themselves in their app's `parts.py`.

A listener works inside the transaction that records the change, after `lock` has taken the owners' rows:
the lock order is approval, order, run, step, gate rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from acteon_site.base.errors import AppError
from acteon_site.base.registry import Registry
from acteon_site.base.statements import Writes
from audit_app.services.journal import Journal
from chains_app.models import Run, StepRun


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has its terminal status, and its steps. `in_doubt`: an effect of it stands, or may stand."""

    run: Run
    steps: Sequence[StepRun]
    in_doubt: bool


class Owners:
    """The owners of one kind that one transaction has locked. What is not overridden does nothing.

    `ended` and `transition` change rows in memory and note what is to be written; `write` does that, each table once.
    """

    def ended(self, end: Ended, *, now: datetime) -> None:
        """An owner's run has ended."""

    def settled(self, end: Ended, *, goes_on: bool, now: datetime) -> None:
        """A person has said what came of a call of an ended run; `goes_on`: it is opened again to undo it."""

    def transition(self, owner_id: UUID, *, to: str, step: str, now: datetime, journal: Journal) -> None:
        """A step asks for a move of the owner's lifecycle."""

    def write(self, journal: Journal, writes: Writes) -> None:
        """With `writes`, where the rows of the runs stand already; the journal is written afterwards."""


class Listener:
    """For runs of one kind of owner. Whatever is not overridden does nothing and stands in nobody's way."""

    owner_kind: str

    def lock(self, owner_ids: Collection[UUID]) -> Owners:
        """Lock these owners' rows in the order of their ids, by one statement."""
        return Owners()

    def resume_problem(self, run: Run) -> AppError | None:
        """Why the owner cannot have an ended run back."""
        return None

    def settle_problem(self, run: Run) -> AppError | None:
        """Why what is in doubt of an ended run is not settled at the run."""
        return None

    def resumed(self, run: Run, *, now: datetime) -> None:
        """An ended run goes on. Raises a conflict where the owner was given away meanwhile."""

    def names(self, owner_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """What people call these owners; those without a name are left out."""
        return {}


LISTENERS: Registry[Listener] = Registry("listener to runs", key="owner_kind")


def listener_for(run: Run) -> Listener | None:
    """That of the run's owner; None where it has none, as runs below others have."""
    return listener_of(run.owner_kind)


def listener_of(owner_kind: str) -> Listener | None:
    return LISTENERS.get(owner_kind)


def owner_names(runs: Iterable[Run]) -> dict[UUID, str]:
    """What people call whatever each run belongs to (an order's name), by the run's id; else its action's id."""
    tops = {run.pk: top_of(run) for run in runs}
    named: dict[UUID, str] = {}
    for kind in {top.owner_kind for top in tops.values()}:
        listener = listener_of(kind)
        owners = {top.owner_id for top in tops.values() if top.owner_kind == kind and top.owner_id}
        named |= listener.names(owners) if listener else {}
    return {
        pk: (named.get(top.owner_id) if top.owner_id else None) or top.action_id for pk, top in tops.items()
    }


def top_of(run: Run) -> Run:
    """The run at the top: those below it (sub-chains, branches) belong to whoever that belongs to."""
    while run.parent_id:
        assert run.parent is not None  # noqa: S101 - a row that is referred to
        run = run.parent
    return run
