"""Wakes the stream hubs of all processes. Only a hint: every hub reads the database each second anyway."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django_eventstream.eventstream import send_event

from acteon_site.base.registry import Hook, Registry

# Called after the commit by whoever has numbered events. They must not raise.
NUMBERED: Registry[Hook[Callable[[], None]]] = Registry("listener for numbered events")
CHANNEL = "wake"
REVOKED = "revoked"
log = structlog.get_logger()


def wake_listeners(number: int) -> None:
    """Say that events up to `number` are there, in this process or (through Redis) in all. Never raises."""
    _send(CHANNEL, {"number": number})
    for hook in NUMBERED.values():
        hook.call()


def announce_revocation() -> None:
    """Say that a key or token is good no more, so that its open streams end at once. Never raises."""
    _send(REVOKED, {})


def _send(channel: str, message: dict[str, int]) -> None:
    try:
        send_event(channel, channel, message)
    except Exception as error:  # any trouble of the transport: the hubs read every second anyway
        log.warning("wake_unheard", channel=channel, error=type(error).__name__, **message)
