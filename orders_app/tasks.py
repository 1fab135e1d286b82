"""Celery's doors into orders."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from orders_app.services.releases import hold_release, holds_sweep
from orders_app.services.transitions import orders_time_out


@shared_task(name="orders_app.release")
def release(hold_ids: list[str]) -> None:
    for hold_id in hold_ids:
        hold_release(hold_id=UUID(hold_id))


@shared_task(name="orders_app.sweep")
def sweep() -> None:
    holds_sweep()
    orders_time_out()
