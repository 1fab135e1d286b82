"""What must end before a web process waits for its requests: event streams would never end by themselves."""

from __future__ import annotations

from collections.abc import Callable

from acteon_site.base.registry import Hook, Registry

ON_STOP: Registry[Hook[Callable[[], None]]] = Registry("hook for the server's end")
