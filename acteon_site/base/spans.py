"""Spans of a tracing library, where an operator has switched them on (docs/operations.md, Traces).

`tracer` is None unless acteon_site.watching.tracing has set it at the process's start: whoever makes a span looks at
that first, and does nothing else where it is None. A span is handed on as the headers of its trace, since the work of
one order goes through sets, rows and threads: there is no current span.

What many have in common (a set, a turn) is one span. It belongs to the trace of one of them and is linked to the
others.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

from acteon_site.base.tracing import PARENT

Trace = Mapping[str, str]  # traceparent, and tracestate where there is one; empty where there is no trace
Kind = Literal["internal", "server", "client"]
MOST_NAMES = 32  # values of one attribute
# After all else a process lets end, so long at most for what it has not exported yet.
FLUSH_SECONDS = 1.0


class Span(Protocol):
    @property
    def trace(self) -> Trace:
        """The headers of what happens below it."""

    def end(self, attributes: Mapping[str, Any], error: str = "") -> None:
        """Ids, names of configuration and outcomes only: no payload, no key, nobody's name. `error`: its code."""


class Tracer(Protocol):
    def span(self, name: str, traces: Iterable[Trace], *, kind: Kind = "internal", began: int = 0) -> Span:
        """Never raises. `began` in nanoseconds since the epoch, where that was not now."""

    def flush(self, seconds: float) -> None:
        """Export what there is, and wait for it so long at most."""


tracer: Tracer | None = None


def beginning() -> int:
    """When it is, for a span that is made at its end; 0 where there will be none."""
    return time.time_ns() if tracer is not None else 0


def below(span: Span, trace: Trace) -> Trace:
    """The span's own headers for what belongs to the same trace; anything else keeps those that it has."""
    mine, given = span.trace.get(PARENT, ""), trace.get(PARENT, "")
    return span.trace if mine.split("-")[1:2] == given.split("-")[1:2] else trace


def some(names: Iterable[str | None]) -> list[str]:
    """Each name once, in order, as many as an attribute may have."""
    return sorted({name for name in names if name})[:MOST_NAMES]


def flush() -> None:
    if tracer is not None:
        tracer.flush(FLUSH_SECONDS)
