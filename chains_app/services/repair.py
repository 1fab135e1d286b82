"""Repair in bulk: incidents resumed by filter, dead letters replayed, counted and taken away. Each with a preview."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Min, QuerySet

from acteon_site.base.errors import AppError, conflict
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import Source
from chains_app.models import Incident, Run, StepRun
from chains_app.services.locks import lock_run_from_top
from chains_app.services.resuming import Decision, resume_locked, resume_problem, run_retry
from chains_app.services.trail import audit_run, journal_of
from chains_app.states import StepStatus

Row = TypeVar("Row", Incident, Run)
MOST = 1000
NOT_A_DEAD_LETTER = "NOT_A_DEAD_LETTER"
# What the filters are called, and where the rows have it.
INCIDENT_COLUMNS = {
    **{"namespace": "run__namespace", "tenant": "run__tenant", "chain_name": "run__chain_name"},
    **{"reason": "reason", "step": "step"},
}
LETTER_COLUMNS = {
    **{"namespace": "namespace", "tenant": "tenant", "chain_name": "chain_name"},
    **{"reason": "error_code", "step": "steps__name"},
}


@dataclass(frozen=True, slots=True)
class Repaired(Generic[Row]):
    """What became of an incident or a dead letter, or would: `error` says why its run cannot go on."""

    row: Row
    run: Run
    error: AppError | None = None


@dataclass(frozen=True, slots=True)
class LetterCount:
    """How many dead letters of one kind there are, and since when the oldest."""

    namespace: str
    tenant: str
    chain_name: str
    reason: str
    count: int
    oldest: datetime


def open_incidents(*, resolved: bool = False, **filters: Any) -> QuerySet[Incident]:
    """Open incidents, or all, oldest first; filters: namespace, tenant, reason, step, chain_name."""
    wanted: dict[str, Any] = {INCIDENT_COLUMNS.get(name, name): value for name, value in filters.items()}
    if not resolved:
        wanted["resolved_at__isnull"] = True
    return Incident.objects.filter(**wanted).select_related("run").order_by("opened_at", "id")


def incidents_preview(*, incidents: Iterable[Incident]) -> list[Repaired[Incident]]:
    """What `incidents_resume` would come to now. Changes nothing."""
    return [Repaired(row, row.run, resume_problem(row.run)) for row in incidents]


def incidents_resume(
    *, incidents: Sequence[Incident], actor: str, source: Source | None = None
) -> list[Repaired[Incident]]:
    """Retry each parked run, in a transaction of its own: one that cannot go on keeps no other from it."""
    return [
        Repaired(row, row.run, _refused(partial(run_retry, incident=row.pk), row.run_id, actor, source))
        for row in incidents
    ]


def dead_letters(**filters: Any) -> QuerySet[Run]:
    """Runs that ended without success and that nobody has taken away yet, oldest first.

    Filters: namespace, tenant, chain_name, reason (the error's code), step (that failed), and any lookup of a run.
    """
    wanted = {LETTER_COLUMNS.get(name, name): value for name, value in filters.items()}
    if "step" in filters:
        wanted["steps__status"] = StepStatus.FAILED
    letters = Run.objects.filter(dead_lettered_at__isnull=False, **wanted)
    return letters.order_by("dead_lettered_at", "id")


def failed_steps(runs: Iterable[Run]) -> dict[UUID, StepRun]:
    """By the run's id the last of its steps that failed, in one query."""
    rows = StepRun.objects.filter(run__in=list(runs), status=StepStatus.FAILED).order_by("index")
    return {row.run_id: row for row in rows.defer("response")}


def dead_letters_preview(*, letters: Iterable[Run]) -> list[Repaired[Run]]:
    """What `dead_letters_replay` would come to now. Changes nothing."""
    return [Repaired(run, run, resume_problem(run)) for run in letters]


@retry_on_deadlock
def dead_letter_replay(*, run_id: UUID, actor: str, source: Source | None = None) -> Run:
    """Resume a dead letter at its failed step. Of several who ask, one does it; the others get a 409.

    Raises as `run_retry` does, too: it was compensated, or its order was placed anew.
    """
    with transaction.atomic():
        run = lock_run_from_top(run_id)
        _require_letter(run)
        return resume_locked(run, Decision(actor, source))


def dead_letters_replay(
    *, letters: Iterable[Run], actor: str, source: Source | None = None
) -> list[Repaired[Run]]:
    """Replay each, in a transaction of its own; one that cannot go on stays a dead letter."""
    return [Repaired(run, run, _refused(dead_letter_replay, run.pk, actor, source)) for run in letters]


def _refused(act: Callable[..., Run], run_id: UUID, actor: str, source: Source | None) -> AppError | None:
    try:
        act(run_id=run_id, actor=actor, source=source)
    except AppError as error:
        return error
    return None


@retry_on_deadlock
def dead_letter_dismiss(*, run_id: UUID, actor: str, source: Source | None = None) -> Run:
    """Take one dead letter away. Raises 404, and 409 where somebody replayed or took it meanwhile."""
    with transaction.atomic():
        run = lock_run_from_top(run_id)
        _require_letter(run)
        _take_away([run], actor, source)
    return run


def dead_letters_dismiss(
    *, letters: Iterable[Run], actor: str, source: Source | None = None
) -> list[Repaired[Run]]:
    """Take these away, each in a transaction of its own; of one that somebody was faster with, the error says so."""
    return [Repaired(run, run, _refused(dead_letter_dismiss, run.pk, actor, source)) for run in letters]


@transaction.atomic
def dead_letters_drain(
    *, letters: QuerySet[Run], actor: str, source: Source | None = None, limit: int = MOST
) -> list[Run]:
    """Take dead letters away: they are answered once, and are dead letters no more. The runs stay."""
    taken = list(letters.select_for_update(skip_locked=True, of=("self",)).select_related("version")[:limit])
    _take_away(taken, actor, source)
    return taken


def dead_letter_counts(letters: QuerySet[Run]) -> list[LetterCount]:
    """The dead letters by shop, chain and reason, the most first."""
    columns = ("namespace", "tenant", "chain_name", "error_code")
    counted = letters.order_by().values(*columns).annotate(n=Count("pk"), oldest=Min("dead_lettered_at"))
    rows = counted.order_by("-n", *columns).values_list(*columns, "n", "oldest")
    return [LetterCount(*row) for row in rows]


def _require_letter(run: Run) -> None:
    if run.dead_lettered_at is None:
        message = "this is no dead letter any more: it was replayed or taken away"
        raise conflict(message, NOT_A_DEAD_LETTER)


def _take_away(letters: Sequence[Run], actor: str, source: Source | None) -> None:
    journal = journal_of(actor, source)
    for run in letters:
        audit_run(run, "state_changed", {"from": "dead_letter", "to": "dismissed", "by": actor}, journal)
    journal.write()
    Run.objects.filter(pk__in=[run.pk for run in letters]).update(dead_lettered_at=None)
