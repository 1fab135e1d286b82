"""Repair in bulk: incidents resumed by filter, dead letters counted and drained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from acteon_site.base.errors import AppError
from chains_app.models import Incident, Run
from chains_app.services.control import run_retry

MOST = 1000


@dataclass(frozen=True, slots=True)
class Resumed:
    incident: Incident
    error: AppError | None = None


def open_incidents(**filters: str) -> QuerySet[Incident]:
    """Open incidents; filters: namespace, tenant, reason, step, chain_name."""
    names = {"namespace": "run__namespace", "tenant": "run__tenant", "chain_name": "run__chain_name"}
    wanted = {names.get(name, name): value for name, value in filters.items()}
    return (
        Incident.objects.filter(resolved_at__isnull=True, **wanted)
        .select_related("run")
        .order_by("opened_at")
    )


def incidents_resume(*, incidents: Sequence[Incident], actor: str) -> list[Resumed]:
    """Retry each parked run; one that cannot go on is told and harms no other."""
    return [_resume(incident, actor) for incident in incidents]


def _resume(incident: Incident, actor: str) -> Resumed:
    try:
        run_retry(run_id=incident.run_id, actor=actor)
    except AppError as error:
        return Resumed(incident, error)
    return Resumed(incident)


def dead_letters(**filters: Any) -> QuerySet[Run]:
    """Runs that ended without success and that nobody has taken away yet, oldest first."""
    letters = Run.objects.filter(dead_lettered_at__isnull=False, **filters)
    return letters.order_by("dead_lettered_at", "id")


@transaction.atomic
def dead_letters_drain(*, letters: QuerySet[Run], limit: int = MOST) -> list[Run]:
    """Take dead letters away: they are answered once, and are dead letters no more. The runs stay."""
    taken = list(letters.select_for_update(skip_locked=True, of=("self",)).select_related("version")[:limit])
    Run.objects.filter(pk__in=[run.pk for run in taken]).update(dead_lettered_at=None)
    return taken
