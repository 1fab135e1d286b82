"""Who caused a piece of work, as audit rows say it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """The caller, the way in which he proved who he is, and the request."""

    caller_id: str
    auth_method: str
    request_id: str
    # Of people: where from, and with what.
    address: str = ""
    agent: str = ""


SYSTEM_SOURCE = Source("system", "internal", "")
