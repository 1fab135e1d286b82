"""Celery's doors into chains: ids in, a service call, nothing else."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from chains_app.services.advance import runs_advance, runs_sweep


@shared_task(name="chains_app.advance")
def advance(run_ids: list[str]) -> None:
    runs_advance([UUID(run_id) for run_id in run_ids])


@shared_task(name="chains_app.sweep")
def sweep() -> None:
    runs_sweep()
