"""Wakes the stream hubs of all processes. Only a hint: every hub looks at the database each second anyway."""

from __future__ import annotations

import structlog
from django_eventstream.eventstream import send_event

CHANNEL = "wake"
log = structlog.get_logger()


def wake_listeners(number: int) -> None:
    """Say that events up to `number` are there, in this process or (through Redis) in all. Never raises."""
    try:
        send_event(CHANNEL, CHANNEL, {"number": number})
    except Exception as error:  # any trouble of the transport: the hubs' own look finds the events
        log.warning("wake_unheard", number=number, error=type(error).__name__)
