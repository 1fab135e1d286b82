"""The outcomes as the wire spells them: externally tagged, one function each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from acteon_site.base.clock_text import rfc3339
from chains_app.definitions import Definition

# Wire tag -> the audit trail's and the stream's name.
TRAIL_NAMES: Mapping[str, str] = {
    "Executed": "executed",
    "Deduplicated": "deduplicated",
    "Suppressed": "suppressed",
    "Rerouted": "rerouted",
    "Throttled": "throttled",
    "Failed": "failed",
    "PendingApproval": "pending_approval",
    "Scheduled": "scheduled",
    "ChainStarted": "chain_started",
    "Grouped": "grouped",
    "CircuitOpen": "circuit_open",
    "QuotaExceeded": "quota_exceeded",
    "Silenced": "silenced",
    "Muted": "muted",
    "StateChanged": "state_changed",
    "DryRun": "dry_run",
}
# Never remembered for an Idempotency-Key: a repeat may fare better.
PASSING = frozenset({"Throttled", "QuotaExceeded", "CircuitOpen"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action. `dedup_reason` names why it was Deduplicated."""

    tag: str
    content: dict[str, Any] = field(default_factory=dict)
    dedup_reason: str = ""

    @property
    def trail_name(self) -> str:
        return TRAIL_NAMES[self.tag]

    @property
    def memorable(self) -> bool:
        """May be stored as the answer to an Idempotency-Key."""
        return self.tag not in PASSING and not (self.tag == "Failed" and self.content["retryable"])

    def wire(self) -> Any:
        return "Deduplicated" if self.tag == "Deduplicated" else {self.tag: self.content}

    def batch_wire(self) -> Any:
        """Go and Node cannot read a bare text inside an array."""
        return {"Deduplicated": None} if self.tag == "Deduplicated" else {self.tag: self.content}

    def stored(self) -> dict[str, Any]:
        """What `stored_outcome` reads."""
        return {"tag": self.tag, "content": self.content, "dedup_reason": self.dedup_reason}


def stored_outcome(stored: Mapping[str, Any]) -> Outcome:
    return Outcome(stored["tag"], stored["content"], stored.get("dedup_reason", ""))


def response(body: Mapping[str, Any], status: str = "success") -> dict[str, Any]:
    return {"status": status, "body": dict(body), "headers": {}}


def executed(body: Mapping[str, Any], status: str = "success") -> Outcome:
    return Outcome("Executed", response(body, status))


def deduplicated(reason: str) -> Outcome:
    return Outcome("Deduplicated", {}, reason)


def suppressed(rule: str) -> Outcome:
    return Outcome("Suppressed", {"rule": rule})


def rerouted(original: str, new: str, body: Mapping[str, Any], status: str = "success") -> Outcome:
    content = {"original_provider": original, "new_provider": new, "response": response(body, status)}
    return Outcome("Rerouted", content)


def throttled(wait: timedelta) -> Outcome:
    micros = max(0, wait // timedelta(microseconds=1))
    secs, rest = divmod(micros, 1_000_000)
    return Outcome("Throttled", {"retry_after": {"secs": secs, "nanos": rest * 1000}})


def failed(code: str, message: str, *, retryable: bool, attempts: int) -> Outcome:
    return Outcome("Failed", {"code": code, "message": message, "retryable": retryable, "attempts": attempts})


def misconfigured(message: str) -> Outcome:
    return failed("CONFIGURATION", message, retryable=True, attempts=0)


def provider_not_found(provider: str) -> Outcome:
    return failed("PROVIDER_NOT_FOUND", f"no provider is named {provider!r}", retryable=False, attempts=0)


def scheduled(action_id: str, due: datetime) -> Outcome:
    return Outcome("Scheduled", {"action_id": action_id, "scheduled_for": rfc3339(due)})


def grouped(group_id: str, size: int, notify_at: datetime) -> Outcome:
    content = {"group_id": group_id, "group_size": size, "notify_at": rfc3339(notify_at)}
    return Outcome("Grouped", content)


def chain_started(run_id: str, definition: Definition) -> Outcome:
    content = {
        "chain_id": run_id,
        "chain_name": definition.name,
        "total_steps": len(definition.steps),
        "first_step": definition.steps[0].name,
    }
    return Outcome("ChainStarted", content)


def circuit_open(provider: str, fallback_chain: tuple[str, ...]) -> Outcome:
    return Outcome("CircuitOpen", {"provider": provider, "fallback_chain": list(fallback_chain)})


def quota_exceeded(tenant: str, limit: int, used: int, behavior: str) -> Outcome:
    content = {"tenant": tenant, "limit": limit, "used": used, "overage_behavior": behavior}
    return Outcome("QuotaExceeded", content)


def silenced(silence_id: str, rule: str) -> Outcome:
    """`rule` is empty where none had decided: clients read a text there."""
    return Outcome("Silenced", {"silence_id": silence_id, "matched_rule": rule})


def muted(interval: str, reason: str, rule: str) -> Outcome:
    return Outcome("Muted", {"interval": interval, "reason": reason, "matched_rule": rule})


def dry_run(verdict: str, rule: str | None, provider: str) -> Outcome:
    return Outcome("DryRun", {"verdict": verdict, "matched_rule": rule, "would_be_provider": provider})
