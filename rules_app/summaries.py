"""Rules in words, for people who read lists. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rules_app.engine import (
    Deduplicate,
    Modify,
    RequestApproval,
    Reroute,
    Schedule,
    StartChain,
    Throttle,
)
from rules_app.engine import Rule as EngineRule

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
MAX_CHANGES = 120


def span_text(seconds: int) -> str:
    """90 as "90 seconds", 3600 as "1 hour": the largest unit that counts it whole."""
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"


def action_summary(rule: EngineRule) -> str:
    """What a rule does, as the end of a sentence that begins with its condition."""
    words = _DESCRIPTIONS[rule.action.type](rule.action)
    return f"{words} what no rule above has claimed" if rule.only_unmatched else words


def rule_summary(rule: EngineRule) -> str:
    return f"When {rule.condition.display()}: {action_summary(rule)}"


def _approval(action: RequestApproval) -> str:
    asked = (
        f"hold for approval, at most {span_text(action.timeout_seconds)}, and tell {action.notify_provider}"
    )
    return f"{asked}: {action.message}" if action.message else asked


def _throttle(action: Throttle) -> str:
    return f"let at most {action.max_count} pass in any {span_text(action.window_seconds)}, go on below"


def _modify(action: Modify) -> str:
    changes = json.dumps(action.changes, ensure_ascii=False)
    shown = changes if len(changes) <= MAX_CHANGES else f"{changes[:MAX_CHANGES]}…"
    return f"change the payload with {shown}, go on below"


def _schedule(action: Schedule) -> str:
    return f"hold for {span_text(action.delay_seconds)}, then ask the rules again"


def _deduplicate(action: Deduplicate) -> str:
    return f"refuse repeats within {span_text(action.ttl_seconds)}, go on below"


def _reroute(action: Reroute) -> str:
    return f"send to {action.target_provider} instead"


def _chain(action: StartChain) -> str:
    return f"start the chain {action.chain}"


_DESCRIPTIONS: dict[str, Callable[[Any], str]] = {
    "allow": lambda action: "allow",
    "deny": lambda action: "deny",
    "suppress": lambda action: "suppress",
    "reroute": _reroute,
    "request_approval": _approval,
    "schedule": _schedule,
    "chain": _chain,
    "deduplicate": _deduplicate,
    "throttle": _throttle,
    "modify": _modify,
}
