"""Celery's doors into chains: they ring the process's engine, which does the work beside them."""

from __future__ import annotations

from celery import shared_task

from chains_app.services.engine_loop import engine


@shared_task(name="chains_app.advance")
def advance(run_ids: list[str]) -> None:
    """Which runs are due stands in their rows; a message only says that some are."""
    engine().ring()


@shared_task(name="chains_app.sweep")
def sweep() -> None:
    engine().ring()
