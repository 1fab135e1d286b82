"""An instant at which something is tried, and what counters said to an action then. Known above this app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from acteon_site.base.registry import Hook, Registry
from rules_app.engine import ActionView, RuleSet
from rules_app.engine.scope import Counts
from rules_app.services.counting import counts_now

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """Gates and counters as they were at `at`; where that lies ahead, as they will be if nothing comes until then.

    `own` is the id of the stored action that is tried: what it has left itself is left out.
    """

    at: datetime
    own: str = ""

    @classmethod
    def of(cls, at: datetime, own: str = "") -> Self:
        """Where no gate can differ from those at the edge, it is the edge: a window around it is in the calendar."""
        return cls(min(max(at, _FIRST), _LAST), own)


# What a new action would have found in the counters that rules ask.
COUNTS_THEN: Registry[Hook[Callable[[RuleSet, ActionView, Moment], Counts]]] = Registry("counts of the past")


# What the ledger says of the order that such an action would refund, by the paths of `order.*`.
ORDER_FACTS: Registry[Hook[Callable[[ActionView], Mapping[str, Any]]]] = Registry("facts of orders")


def counts_at(rules: RuleSet, action: ActionView, moment: Moment | None) -> Counts:
    """What counters say, and the order that a refund is about; nothing is read where no rule asks any."""
    counts = _counts_at(rules, action, moment)
    hook = next(iter(ORDER_FACTS.values()), None)
    if counts.order or hook is None or not rules.asks_orders:
        return counts
    return replace(counts, order=hook.call(action))


def _counts_at(rules: RuleSet, action: ActionView, moment: Moment | None) -> Counts:
    """Now, or at that moment; nothing is read where no rule asks any."""
    hook = next(iter(COUNTS_THEN.values()), None)
    if moment is None or hook is None or not (rules.counters or rules.asks_orders):
        return counts_now(rules, action)
    return hook.call(rules, action, moment)
