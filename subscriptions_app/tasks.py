"""Celery's doors into subscriptions: they make deliveries of new events, and ring the process's courier."""

from __future__ import annotations

import time

from celery import shared_task

from subscriptions_app.selectors import has_subscribers
from subscriptions_app.services.courier import courier
from subscriptions_app.services.fan_out import events_fan_out
from subscriptions_app.services.switching import subscriptions_switch_off

SWEEP_SECONDS = 5.0  # at most, before other tasks have their turn


@shared_task(name="subscriptions_app.sweep")
def sweep() -> None:
    """Where nobody has subscribed there is nothing to do."""
    if not has_subscribers():
        return
    ends = time.monotonic() + SWEEP_SECONDS
    while events_fan_out() and time.monotonic() < ends:
        courier().ring()
    subscriptions_switch_off()
    courier().ring()


@shared_task(name="subscriptions_app.send")
def send() -> None:
    """What is due stands in the rows; a message only says that something is."""
    courier().ring()
