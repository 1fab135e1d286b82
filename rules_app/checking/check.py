"""The door: a question in, findings out."""

from __future__ import annotations

from rules_app.checking.finding import Finding
from rules_app.checking.ground import Question, ground_of
from rules_app.checking.kinds.registry import CHECKS


def check_rules(question: Question) -> list[Finding]:
    """Everything that is wrong with the enabled rules: by rule in the order in which they are asked, worst first."""
    ground = ground_of(question)
    order = {placed.name: number for number, placed in enumerate(ground.placed)}
    found = [finding for check in CHECKS for finding in check(ground)]
    mistyped = {finding.rule for finding in found if finding.id == "type-mismatch"}
    # A clause that is told to be mistyped is why the whole condition never holds.
    found = [
        one
        for one in found
        if one.rule not in mistyped or (one.id, one.field) != ("never-holds", "condition")
    ]
    return sorted(found, key=lambda one: (order.get(one.rule, len(order)), -one.severity, one.id, one.field))
