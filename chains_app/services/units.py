"""What the turns of one transaction share, and what they leave to be written at its end, each table once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.source import SYSTEM_SOURCE
from acteon_site.base.statements import Writes
from audit_app.records.totals import Key
from audit_app.services.counters import counters_add
from audit_app.services.journal import Journal
from chains_app.models import Incident, Run
from chains_app.services.breakers import Routes
from chains_app.services.incidents import incidents_close, incidents_open
from chains_app.services.loaded_runs import LoadedRun, runs_write
from chains_app.services.locks import OwnersByKind, Top
from chains_app.services.places import Places
from chains_app.services.runs import ADVANCE_TASK, runs_insert


@dataclass(slots=True)
class Unit:
    """`routes` are looked up once what came of earlier calls is recorded.

    `now` is the database's clock, `since` the steady one of this process before that was read.
    """

    now: datetime
    since: float
    tops: Mapping[UUID, Top]
    owners: OwnersByKind
    routes: Routes
    journal: Journal = field(default_factory=lambda: Journal(SYSTEM_SOURCE))
    places: Places = field(default_factory=Places)
    # Runs that begin below others, and notices; runs above others that wait for them.
    begun: list[Run] = field(default_factory=list)
    woken: list[UUID] = field(default_factory=list)
    # Why runs wait for a person; runs by the status that they ended with, for which nobody need wait any more.
    incidents: list[Incident] = field(default_factory=list)
    ended: dict[str, list[UUID]] = field(default_factory=dict)
    totals: Counter[Key] = field(default_factory=Counter)

    def insert_begun(self, writes: Writes | None = None) -> None:
        runs_insert(self.begun, writes)
        self.begun = []

    def write(self, runs: Sequence[LoadedRun], writes: Writes) -> None:
        """All of it; what can be goes with `writes`, which whoever wants to read what was written executes."""
        self.insert_begun(writes)
        runs_write(runs, writes)
        if self.incidents:
            incidents_open(self.incidents, self.now)
        for status, run_ids in self.ended.items():
            incidents_close(run_ids, status, self.now)
        self._wake()
        for owners in self.owners.values():
            owners.write(self.journal, writes)
        counters_add(amounts=self.totals)
        self.journal.write(writes)

    def _wake(self) -> None:
        if self.woken:
            Run.objects.filter(pk__in=self.woken, ended_at__isnull=True).update(next_run_at=self.now)
            ring_on_commit(ADVANCE_TASK, [str(pk) for pk in self.woken])
