"""The words in which trials are kept: what an action came to, and what it was worth."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from acteon_site.base.money import DECIMALS

# What an accepted action came to, by its verdict. Everything else that happens to one is a refusal.
ACCEPTED: Mapping[str, str] = MappingProxyType(
    {
        "allow": "executed",
        "reroute": "rerouted",
        "chain": "chain_started",
        "group": "grouped",
        "request_approval": "pending_approval",
        "schedule": "scheduled",
    }
)
REPEATED = "repeated"  # the same order waits already, and its own answer was given again
STOPS = frozenset(("deny", "suppress", "failed"))
HOLDS = frozenset(("request_approval", "schedule"))
GATES = frozenset(("deduplicate", "throttle"))
# What a gate in shadow would have made of an action, by the type of its rule; or let it pass.
REFUSED_BY: Mapping[str, str] = MappingProxyType({"deduplicate": "deduplicated", "throttle": "throttled"})
PASSED = "passed"
REFUSALS = STOPS | frozenset(REFUSED_BY.values())
_MOST = 10**12  # so that a sum of millions still is a number of every database


def accepted_as(verdict: str) -> str:
    """What an action of this verdict came to, once its gates let it pass."""
    return ACCEPTED.get(verdict, verdict)


def amount_of(payload: Any) -> int | None:
    """The order's total in the smallest unit of its currency; None where it is not known or not shown."""
    value = payload.get("total_cents") if isinstance(payload, Mapping) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if abs(value) <= _MOST else None


def currency_of(payload: Any) -> str:
    """Its code, "" where that is none."""
    value = payload.get("currency") if isinstance(payload, Mapping) else None
    code = value.strip().upper() if isinstance(value, str) else ""
    return code if code in DECIMALS else ""
