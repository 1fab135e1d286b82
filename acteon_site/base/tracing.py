"""W3C Trace Context: what of it is accepted, and where an action keeps it. Pure.

The gateway passes on the trace that it was given: to the run, to each provider, into the trail. That is a header and
needs no tracing library; spans of its own are made where tracing is switched on (docs/operations.md, Traces).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KEY, PARENT, STATE = "trace_context", "traceparent", "tracestate"
# version, trace id, parent id, flags; a later version may have more behind it.
_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]*)?")
_STATE = re.compile(r"[\x20-\x7e]{1,512}")
_NOBODY = ("0" * 32, "0" * 16)


def traceparent_of(given: object) -> str:
    """As it may be passed on, or "" where it is none: the specification wants a bad one ignored."""
    if not isinstance(given, str) or len(given) > 256:
        return ""
    found = _PARENT.fullmatch(given.strip(" \t"))
    if found is None:
        return ""
    version, trace, parent, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or trace == _NOBODY[0] or parent == _NOBODY[1]:
        return ""
    return f"00-{trace}-{parent}-{flags}"


def trace_of_headers(parent: object, state: object) -> dict[str, str]:
    """What a request says of its trace; empty where it says nothing, or nothing that can be passed on."""
    accepted = traceparent_of(parent) if parent else ""
    if not accepted:
        return {}
    if isinstance(state, str) and _STATE.fullmatch(state):
        return {PARENT: accepted, STATE: state}
    return {PARENT: accepted}


def with_trace(extras: Mapping[str, Any], trace: Mapping[str, str]) -> dict[str, Any]:
    """An action's extras with its request's trace. What the action itself says of one goes before."""
    given = extras.get(KEY)
    if isinstance(given, Mapping):
        has_one = traceparent_of(given.get(PARENT))
        return dict(extras) if has_one else {**extras, KEY: {**given, **trace}}
    return {**extras, KEY: dict(trace)} if given is None else dict(extras)


def trace_in(extras: Mapping[str, Any] | None) -> dict[str, str]:
    """What goes to providers and into the trail: `traceparent`, and `tracestate` where there is one."""
    kept = extras.get(KEY) if extras else None
    return trace_of_headers(kept.get(PARENT), kept.get(STATE)) if isinstance(kept, Mapping) else {}
