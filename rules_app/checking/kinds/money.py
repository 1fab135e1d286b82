"""Amounts that are compared without their currency, where orders come in several."""

from __future__ import annotations

from collections.abc import Iterator

from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground
from rules_app.engine.currencies import currency_advice


def money(ground: Ground) -> Iterator[Finding]:
    for placed in ground.placed:
        told = currency_advice(placed.rule, ground.question.seen.currencies)
        if told:
            message, _, advice = told.partition(". ")
            yield Finding(
                "amount-without-currency", Severity.WARNING, placed.name, message, advice, "condition"
            )
