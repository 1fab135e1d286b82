"""Holds that outlast what remembers an order, where nothing else keeps it from being placed twice."""

from __future__ import annotations

from collections.abc import Iterator

from acteon_site.base.clock_text import span_in_words
from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground, Placed
from rules_app.engine import Deduplicate, RequestApproval, Schedule

IDEMPOTENCY_SECONDS = 24 * 3_600  # how long an answer is kept under its Idempotency-Key
_ADVICE = (
    "Shorten the hold; or let a lifecycle with a required fingerprint_field claim these actions: "
    "a living order is never placed twice, however late."
)


def holds(ground: Ground) -> Iterator[Finding]:
    for placed in ground.placed:
        seconds = _seconds(placed)
        if seconds and placed.terms and not _named_orders(placed, ground):
            yield from _outlasts(placed, seconds, ground)


def _seconds(placed: Placed) -> int:
    action = placed.rule.action
    if isinstance(action, RequestApproval):
        return action.timeout_seconds
    return action.delay_seconds if isinstance(action, Schedule) else 0


def _named_orders(placed: Placed, ground: Ground) -> bool:
    """Whether every action that is held names an order, which is never placed twice while it lives."""
    return all(
        claiming and all(schema.names for schema in claiming)
        for claiming in map(ground.space.likely, placed.terms or ())
    )


def _outlasts(placed: Placed, seconds: int, ground: Ground) -> Iterator[Finding]:
    held = span_in_words(seconds)
    if seconds > IDEMPOTENCY_SECONDS:
        message = (
            f"holds for up to {held}, and the answer to a request is kept for {span_in_words(IDEMPOTENCY_SECONDS)}: "
            "one repeated later with its Idempotency-Key, and without an id or dedup_key, is a second action"
        )
        yield Finding("hold-outlasts-window", Severity.WARNING, placed.name, message, _ADVICE, "action")
    for other in ground.placed:
        action = other.rule.action
        if other.rule.shadow:
            continue
        if isinstance(action, Deduplicate) and action.ttl_seconds < seconds and _share(placed, other, ground):
            message = (
                f'holds for up to {held}, longer than the {span_in_words(action.ttl_seconds)} of "{other.name}": '
                "a repeat is known while it waits and for that long after its release; once it was rejected or has "
                "expired, the same may come again"
            )
            yield Finding("hold-outlasts-window", Severity.NOTE, placed.name, message, _ADVICE, "action")
            return


def _share(one: Placed, other: Placed, ground: Ground) -> bool:
    return any(ground.space.meet(a, b) for a in one.terms or () for b in other.terms or ())
