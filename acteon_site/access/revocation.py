"""Telling whoever listens that a key or token is good no more."""

from __future__ import annotations

from collections.abc import Callable

from acteon_site.base.registry import Hook, Registry

LISTENERS: Registry[Hook[Callable[[], None]]] = Registry("listener for revocations")


def tell_revoked() -> None:
    """Called once the revocation is committed; no listener may raise."""
    for listener in LISTENERS.values():
        listener.call()
