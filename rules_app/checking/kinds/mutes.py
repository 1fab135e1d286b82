"""Rules whose time intervals let them send nothing at all, or keep them from nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground
from rules_app.engine.intervals import Interval, next_change
from rules_app.engine.muting_terms import ACTIVE, MUTE
from rules_app.engine.rules import Rule


def mutes(ground: Ground) -> Iterator[Finding]:
    now = ground.question.now
    for placed in ground.placed:
        muting = [(one, _lasting(one, now)) for one in _named(ground, placed.rule, MUTE)]
        active = [(one, _lasting(one, now)) for one in _named(ground, placed.rule, ACTIVE)]
        if whole := next((one for one, lasting in muting if lasting is True), None):
            yield _always(placed.name, f"sends nothing: {whole.name} is all the time", MUTE)
        elif active and all(lasting is False for _, lasting in active):
            names = ", ".join(one.name for one, _ in active)
            yield _always(placed.name, f"sends nothing: outside of {names} is all the time", ACTIVE)
        for one, lasting in muting:
            if lasting is False:
                yield _never(placed.name, f"names {one.name}, which is never within two years", MUTE)
        if whole := next((one for one, lasting in active if lasting is True), None):
            yield _never(placed.name, f"names {whole.name}, which is all the time", ACTIVE)


def _named(ground: Ground, rule: Rule, key: str) -> Iterator[Interval]:
    """Those that are there; of others a load says so."""
    for name in getattr(rule, key):
        try:
            yield ground.question.intervals.named(name, rule.namespace, rule.tenant)
        except LookupError:
            continue


def _lasting(interval: Interval, now: datetime) -> bool | None:
    """Whether the instant lies in it, where that does not change for two years; None where it does."""
    return interval.holds(now) if next_change(interval, now) is None else None


def _always(rule: str, message: str, field: str) -> Finding:
    return Finding(
        "muted-always", Severity.WARNING, rule, message, "Give the interval other times, or deny.", field
    )


def _never(rule: str, message: str, field: str) -> Finding:
    return Finding(
        "mute-without-effect", Severity.NOTE, rule, message, "Leave the name out, or give it times.", field
    )
