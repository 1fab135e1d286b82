"""What a rule does when it matches: one small class per type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

APPROVAL_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Deny:
    type: ClassVar[str] = "deny"


@dataclass(frozen=True, slots=True)
class Suppress:
    type: ClassVar[str] = "suppress"


@dataclass(frozen=True, slots=True)
class Allow:
    type: ClassVar[str] = "allow"


@dataclass(frozen=True, slots=True)
class Reroute:
    target_provider: str
    type: ClassVar[str] = "reroute"


@dataclass(frozen=True, slots=True)
class RequestApproval:
    notify_provider: str
    timeout_seconds: int = APPROVAL_SECONDS
    message: str = ""
    type: ClassVar[str] = "request_approval"


@dataclass(frozen=True, slots=True)
class Schedule:
    delay_seconds: int
    type: ClassVar[str] = "schedule"


@dataclass(frozen=True, slots=True)
class StartChain:
    chain: str
    type: ClassVar[str] = "chain"


@dataclass(frozen=True, slots=True)
class Deduplicate:
    ttl_seconds: int
    type: ClassVar[str] = "deduplicate"


@dataclass(frozen=True, slots=True)
class Throttle:
    max_count: int
    window_seconds: int
    type: ClassVar[str] = "throttle"


@dataclass(frozen=True, slots=True, eq=False)
class Modify:
    """`changes` is a JSON merge patch (RFC 7396) of the payload; never changed after parsing."""

    changes: dict[str, Any]
    type: ClassVar[str] = "modify"


RuleAction = (
    Deny
    | Suppress
    | Allow
    | Reroute
    | RequestApproval
    | Schedule
    | StartChain
    | Deduplicate
    | Throttle
    | Modify
)
# The first terminal rule that matches ends the search; gates join the plan and it goes on.
TERMINAL = frozenset(("deny", "suppress", "allow", "reroute", "request_approval", "schedule", "chain"))
HOLDS = frozenset(("request_approval", "schedule"))
GATES = frozenset(("deduplicate", "throttle"))
