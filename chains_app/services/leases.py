"""Who may advance a run: the holder of its lease, whose token guards every result that is written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from acteon_site.base.clock import db_now
from acteon_site.base.ids import new_id
from acteon_site.base.statements import execute
from chains_app.models import Run
from chains_app.services.locks import Top, tops_over
from chains_app.services.memory import Memory

# A lease outlasts the call that it covers by this much.
MARGIN = timedelta(seconds=30)
# Until a call is recorded as started, which extends the lease.
FIRST_LEASE = timedelta(seconds=30)
# A run that waited longer for a worker than this has its deadline extended by it: deadlines measure work.
ABSENCE = timedelta(seconds=2)

Whose = tuple[str, str]


class _Due(NamedTuple):
    """What a lease is made of."""

    id: UUID
    owner_kind: str
    owner_id: UUID | None
    parent_id: UUID | None
    next_run_at: datetime
    updated_at: datetime
    namespace: str
    tenant: str

    def absence(self, now: datetime) -> timedelta:
        """Since it is due, or since the turn after which nobody came back."""
        absent = now - max(self.next_run_at, self.updated_at)
        return absent if absent > ABSENCE else timedelta(0)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to advance a run. `top` is read once, since it never changes, and locked first in every turn.

    `absent`: for how long the run was due and nobody took it, by which its deadline is extended. `whose`: its namespace
    and tenant.
    """

    run_id: UUID
    token: UUID
    top: Top
    absent: timedelta = timedelta(0)
    whose: Whose = ("", "")
    memory: Memory = field(default_factory=Memory, compare=False, repr=False)


def lease_take(run_id: UUID) -> Lease | None:
    """The lease of a run that is due, or None: it is not, it has ended, or another worker holds its lease."""
    return next(iter(leases_take([run_id])), None)


def leases_take(run_ids: Sequence[UUID], most: int | None = None) -> list[Lease]:
    """The leases of those of these runs that are due and free, in their order; of the first `most`."""
    if not run_ids:
        return []
    with transaction.atomic():
        now, token = db_now(), new_id()
        # Whoever has a row locked is about to change it, and rings or leaves it due.
        locked = runs_free(now).filter(pk__in=run_ids).select_for_update(skip_locked=True, no_key=True)
        rows = {row[0]: _Due(*row) for row in locked.values_list(*_Due._fields)}
        found = [rows[run_id] for run_id in run_ids if run_id in rows][:most]
        if found:
            taken = Run.objects.filter(pk__in=[row.id for row in found])
            taken.update(lease_token=token, lease_until=now + FIRST_LEASE)
    above = tops_over([row.parent_id for row in found if row.parent_id])
    return [
        Lease(
            row.id,
            token,
            above[row.parent_id] if row.parent_id else Top(row.id, row.owner_kind, row.owner_id),
            row.absence(now),
            (row.namespace, row.tenant),
        )
        for row in found
    ]


def lease_of(run: Run) -> Lease:
    """Of a run at the top that this transaction stores with its lease."""
    assert run.lease_token is not None  # noqa: S101 - the caller has given it one
    top = Top(run.pk, run.owner_kind, run.owner_id)
    return Lease(run.pk, run.lease_token, top, whose=(run.namespace, run.tenant))


def runs_free(now: datetime) -> QuerySet[Run]:
    """Runs that are due and whose lease nobody holds."""
    due = Run.objects.filter(next_run_at__lte=now, ended_at__isnull=True)
    return due.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now))


def runs_due(limit: int, *, but: Collection[Whose] = ()) -> list[UUID]:
    """Runs that are due and free: of each tenant in turn the one that is due for longest, without those of `but`."""
    if connection.vendor == "postgresql":
        namespaces, tenants = zip(*but, strict=True) if but else ((), ())
        return [row[0] for row in execute(_DUE, [list(namespaces), list(tenants), limit])]
    due = runs_free(db_now())
    for namespace, tenant in but:
        due = due.exclude(namespace=namespace, tenant=tenant)
    turn = Window(RowNumber(), partition_by=["namespace", "tenant"], order_by="next_run_at")
    fair = due.annotate(turn=turn).order_by("turn", F("next_run_at"))
    return list(fair.values_list("pk", flat=True)[:limit])


_RUNS = "SELECT namespace, tenant, next_run_at, id FROM chains_app_run"
_AS_THE_INDEX = "ORDER BY namespace, tenant, next_run_at, id"
_IS_FREE = """ended_at IS NULL AND next_run_at <= statement_timestamp()
        AND (lease_until IS NULL OR lease_until <= statement_timestamp())"""
# Index run_due_of_tenant. It reads as many rows as it gives, two of each tenant, and those that are leased: each
# tenant's first, in the order in which they fell due, then behind each of these the next, and so on until LIMIT.
_DUE = f"""
    WITH RECURSIVE tenants AS (
        ({_RUNS} WHERE next_run_at IS NOT NULL {_AS_THE_INDEX} LIMIT 1)
        UNION ALL
        SELECT another.* FROM tenants AS one, LATERAL (
            {_RUNS} WHERE next_run_at IS NOT NULL AND (namespace, tenant) > (one.namespace, one.tenant)
            {_AS_THE_INDEX} LIMIT 1) AS another
    ), due AS (
        (SELECT longest.* FROM tenants AS one, LATERAL (
            {_RUNS} WHERE (namespace, tenant) = (one.namespace, one.tenant) AND {_IS_FREE}
            ORDER BY next_run_at, id LIMIT 1) AS longest
         WHERE (one.namespace, one.tenant) NOT IN (SELECT * FROM unnest(%s::text[], %s::text[]))
         ORDER BY next_run_at)
        UNION ALL
        SELECT following.* FROM due AS one, LATERAL (
            {_RUNS} WHERE (namespace, tenant) = (one.namespace, one.tenant) AND {_IS_FREE}
            AND (next_run_at, id) > (one.next_run_at, one.id) ORDER BY next_run_at, id LIMIT 1) AS following
    )
    SELECT id FROM due LIMIT %s"""  # noqa: S608 - nothing but our own names
