"""What must end before a web process waits for its requests (event streams would never end by themselves), and what
any process lets end, within some seconds, before it goes."""

from __future__ import annotations

from collections.abc import Callable

from acteon_site.base import spans
from acteon_site.base.registry import Hook, Registry

Ending = Callable[[float], None]
ON_END: Registry[Hook[Ending]] = Registry("hook for the process's end")
ON_STOP: Registry[Hook[Callable[[], None]]] = Registry("hook for the server's end")


def end_parts(seconds: float) -> None:
    for hook in ON_END.values():
        hook.call(seconds)
    spans.flush()
