"""Rules that group what lifecycles make orders of: every such action fails."""

from __future__ import annotations

from collections.abc import Iterator

from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Ground
from rules_app.engine import Group


def groups(ground: Ground) -> Iterator[Finding]:
    for placed in ground.placed:
        if not isinstance(placed.rule.action, Group):
            continue
        claiming = (schema for term in placed.terms or () for schema in ground.space.likely(term))
        if schema := next(claiming, None):
            yield Finding(
                "grouped-order",
                Severity.ERROR,
                placed.name,
                f"groups actions of type {schema.action_type}, of which the lifecycle {schema.name} makes orders: "
                "each of them fails with CONFIGURATION",
                "Group another type of action: an order is carried out by itself.",
                "action",
            )
