"""Celery's doors into chains: ids in, a service call, nothing else."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from chains_app.services.advance import run_advance, runs_sweep


@shared_task(name="chains_app.advance")
def advance(run_ids: list[str]) -> None:
    for run_id in run_ids:
        run_advance(UUID(run_id))


@shared_task(name="chains_app.sweep")
def sweep() -> None:
    runs_sweep()
