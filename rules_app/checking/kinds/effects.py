"""Rules whose time is over."""

from __future__ import annotations

from collections.abc import Iterator

from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground
from rules_app.engine.effect import UNTIL


def effects(ground: Ground) -> Iterator[Finding]:
    for placed in ground.placed:
        rule = placed.rule
        if rule.effect and rule.effect.ended(ground.question.now, rule.zone or ground.rule_set.zone):
            yield Finding(
                "rule-ended",
                Severity.WARNING,
                placed.name,
                f"is not asked any more: it was in effect {rule.effect_in_words}",
                "Delete it, switch it off, or give it another time.",
                UNTIL,
            )
