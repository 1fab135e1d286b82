"""Celery's doors into orders."""

from __future__ import annotations

import time
from uuid import UUID

from celery import shared_task

from orders_app.services.assessing import approvals_assess
from orders_app.services.groups import groups_flush, groups_sweep
from orders_app.services.notices_due import approvals_remind
from orders_app.services.recurring.sweep import recurring_sweep
from orders_app.services.releases import holds_release, holds_sweep
from orders_app.services.ties import ties_draw, ties_seen_until
from orders_app.services.transitions import orders_time_out

LOOK = 200  # holds
REST = 0.3  # of the time that a set of releases took: whoever places orders meanwhile goes first
GROUPS = 50
ASSESS_SECONDS = 2.0
SWEEP_SECONDS = 5.0  # at most, before other tasks have their turn


@shared_task(name="orders_app.release")
def release(hold_ids: list[str]) -> None:
    holds_release([UUID(hold_id) for hold_id in hold_ids])


@shared_task(name="orders_app.sweep")
def sweep() -> None:
    """Where more is due than one look takes, it looks again, so that ten thousand do not wait for as many sweeps."""
    ends = time.monotonic() + SWEEP_SECONDS
    while holds_sweep(limit=LOOK, rest=REST) == LOOK and time.monotonic() < ends:
        pass
    while groups_sweep(limit=GROUPS) == GROUPS and time.monotonic() < ends:
        pass
    orders_time_out()


@shared_task(name="orders_app.flush")
def flush(group_ids: list[str]) -> None:
    groups_flush([UUID(group_id) for group_id in group_ids])


@shared_task(name="orders_app.assess")
def assess() -> None:
    """What helps people to decide: orders that are tied, points of risk (which count those), reminders."""
    ends = time.monotonic() + ASSESS_SECONDS
    while ties_draw() and time.monotonic() < ends:
        pass
    seen_until = ties_seen_until()
    while approvals_assess(before=seen_until) and time.monotonic() < ends:
        pass
    approvals_remind()


@shared_task(name="orders_app.recur")
def recur() -> None:
    """Recurring actions. One that makes up for many missed occurrences is due again at once."""
    ends = time.monotonic() + SWEEP_SECONDS
    while recurring_sweep(limit=LOOK) and time.monotonic() < ends:
        pass
