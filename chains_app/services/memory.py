"""What the holder of a lease knows of its run: nothing at first, then what its latest turn has committed.

Of a run that is leased others change only what `LockedRun` names, of one that waits for signals or for runs below it
also these. So each turn reads the former with its lock, and the runs of the latter anew.

What must hold:
- A run is taken out of the memory once. A turn changes it, and where that turn is rolled back the next one reads rows.
- It is put back for what was written, and nobody asks for it before the commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from chains_app.models import Run
from chains_app.services.loaded_runs import LoadedRun, has_runs_below, runs_load
from chains_app.services.locks import LockedRun
from chains_app.services.signals_waiting import waits_for_signals


class Memory:
    """Of one lease."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: LoadedRun | None = None

    def take(self) -> LoadedRun | None:
        known, self._known = self._known, None
        return known

    @property
    def ended(self) -> LoadedRun | None:
        """The run where its latest turn has ended it: nobody takes it any more."""
        known = self._known
        return known if known is not None and known.run.ended_at else None

    def keep(self, loaded: LoadedRun) -> None:
        """The run as it was written."""
        if not waits_for_signals(loaded.definition) and not has_runs_below(loaded.run, loaded.definition):
            self._known = loaded


class Remembers(Protocol):
    """A lease."""

    @property
    def run_id(self) -> UUID: ...

    @property
    def memory(self) -> Memory: ...


def runs_recall(leases: Sequence[Remembers], locked: Mapping[UUID, LockedRun]) -> list[LoadedRun]:
    """The runs of these leases, which the transaction has locked: from memory, else from the rows."""
    known = {lease.run_id: loaded for lease in leases if (loaded := lease.memory.take())}
    unknown = [lease.run_id for lease in leases if lease.run_id not in known]
    read = list(Run.objects.filter(pk__in=unknown)) if unknown else []
    known |= {loaded.run.pk: loaded for loaded in runs_load(read)}
    return [_with(known[lease.run_id], locked[lease.run_id]) for lease in leases]


def _with(loaded: LoadedRun, row: LockedRun) -> LoadedRun:
    run, state = loaded.run, loaded.state
    run.cancel_requested_at, run.cancel_reason = row.cancel_requested_at, row.cancel_reason
    run.cancelled_by, run.expires_at = row.cancelled_by, row.expires_at
    state.cancel_requested, state.deadline = row.cancel_requested_at is not None, row.expires_at
    return loaded
