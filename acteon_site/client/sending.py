"""Sends orders, waits where a window is full, and finds out what became of each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from acteon_site.client.errors import ClientError
from acteon_site.client.http import GatewayClient
from acteon_site.client.outcomes import Outcome
from acteon_site.client.samples import Sample

CHAIN_SECONDS = 15.0
CHAIN_OVER = frozenset({"completed", "failed", "cancelled", "timed_out", "waiting_signal"})
POLL_SECONDS = 0.2
# A retry must not come a moment before the slot is free.
MARGIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a full window may keep an order waiting, and who is told of it."""

    max_wait: float
    say: Callable[[str], None]


@dataclass(slots=True)
class Sent:
    """One order and its first final outcome. `rule` is what the audit row names."""

    sample: Sample
    outcome: Outcome
    rule: str = ""
    chain: dict[str, Any] = field(default_factory=dict)

    @property
    def as_expected(self) -> bool:
        rule_fits = self.sample.rule is None or self.rule == self.sample.rule
        chain_fits = not self.chain or self.chain["status"] == self.sample.chain
        return self.outcome.kind == self.sample.expected and rule_fits and chain_fits


def send_all(client: GatewayClient, samples: Iterable[Sample], patience: Patience) -> list[Sent]:
    """Send the samples in order, then follow their chains. Raises ClientError."""
    sent: list[Sent] = []
    for sample in samples:
        _wait_for(client, [item for item in sent if item.sample.label == sample.after])
        sent.append(Sent(sample, _send_sample(client, sample, patience)))
    deadline = time.monotonic() + CHAIN_SECONDS
    for item in sent:
        record = client.audit_of(item.sample.action["id"]) or {}
        item.rule = str(record.get("matched_rule") or "")
        if item.outcome.chain_id:
            item.chain = _ended_chain(client, item.outcome.chain_id, deadline)
    return sent


def _wait_for(client: GatewayClient, earlier: Iterable[Sent]) -> None:
    """Until the chains of these are over, or that takes too long."""
    for item in earlier:
        if item.outcome.chain_id:
            _ended_chain(client, item.outcome.chain_id, time.monotonic() + CHAIN_SECONDS)


def _send_sample(client: GatewayClient, sample: Sample, patience: Patience) -> Outcome:
    wanted = (sample.expected,)
    return send_patiently(client, sample.action, patience, demo_now=sample.demo_now, wanted=wanted)


def send_patiently(
    client: GatewayClient,
    action: Mapping[str, Any],
    patience: Patience,
    *,
    demo_now: str | None,
    wanted: tuple[str, ...] = (),
) -> Outcome:
    """Send one action, and again after `retry_after` where a window was full, unless that is `wanted`.

    Raises ClientError where the wait would be longer than the patience.
    """
    while True:
        outcome = client.dispatch(action, demo_now=demo_now)
        wait = None if outcome.kind in wanted else _wait_seconds(client, action, outcome)
        if wait is None:
            return outcome
        if wait > patience.max_wait:
            raise ClientError(_too_long(action, outcome, wait))
        patience.say(_waiting(action, outcome, wait))
        time.sleep(wait)


def _wait_seconds(client: GatewayClient, action: Mapping[str, Any], outcome: Outcome) -> float | None:
    """How long until a full window has room for this action again; None where no window was full."""
    if outcome.kind == "Throttled":
        return outcome.retry_after + MARGIN_SECONDS
    if outcome.kind != "QuotaExceeded":
        return None
    quotas = client.quotas(action["namespace"], action["tenant"])
    usages = [client.quota_usage(quota["id"]) for quota in quotas if quota["enabled"]]
    resets = [datetime.fromisoformat(usage["resets_at"]) for usage in usages if usage["remaining"] <= 0]
    # None is full any more where its window has turned since.
    return max(((moment - datetime.now(UTC)).total_seconds() for moment in resets), default=0.0) + 1


def _waiting(action: Mapping[str, Any], outcome: Outcome, wait: float) -> str:
    window = "the throttle's window" if outcome.kind == "Throttled" else "the quota's window"
    return f"{action['id']}: {window} is full, sending it again in {math.ceil(wait)} s"


def _too_long(action: Mapping[str, Any], outcome: Outcome, wait: float) -> str:
    return (
        f"{action['id']}: {outcome.kind}; there is room again in {math.ceil(wait / 60)} min. Run it again "
        "then, allow the wait with --max-wait, or raise the limit (PUT /v1/quotas/{id}, or in the admin)."
    )


def _ended_chain(client: GatewayClient, chain_id: str, deadline: float) -> dict[str, Any]:
    """The chain once it has ended or waits for a person, or as it stands at the deadline."""
    while True:
        chain = client.chain(chain_id)
        if chain["status"] in CHAIN_OVER or time.monotonic() >= deadline:
            return chain
        time.sleep(POLL_SECONDS)
