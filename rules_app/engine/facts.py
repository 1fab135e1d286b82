"""What the gateway itself knows of an action: who sent it, and of a refund the order that it refunds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TEXT, NUMBER = "text", "number"
CALLER, ORDER = "caller", "order"
ROLES = ("viewer", "operator", "admin")


@dataclass(frozen=True, slots=True)
class Fact:
    """`kind`: TEXT or NUMBER. A number of `_cents` counts the smallest unit of the order's currency."""

    path: str
    kind: str
    label: str
    choices: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        return self.path.partition(".")[0]

    def problem(self, value: Any) -> str | None:
        """Why it never has this value."""
        right = isinstance(value, str) if self.kind == TEXT else type(value) in (int, float)
        if not right:
            return f"must be {'text' if self.kind == TEXT else 'a number'} for {self.path}"
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)} for {self.path}"
        return None


_ALL = (
    Fact("caller.id", TEXT, "caller"),
    Fact("caller.role", TEXT, "caller's role", ROLES),
    Fact("caller.auth_method", TEXT, "caller's way of signing in"),
    Fact("order.charged_cents", NUMBER, "charged for the order"),
    Fact("order.refunded_cents", NUMBER, "refunded of the order"),
    Fact("order.in_doubt_cents", NUMBER, "refunds of the order under way or in doubt"),
    Fact("order.left_cents", NUMBER, "left to refund of the order"),
    Fact("order.currency", TEXT, "order's currency"),
    Fact("order.state", TEXT, "order's state"),
    Fact("order.status", TEXT, "order's status"),
    Fact("order.age_hours", NUMBER, "order's age in hours"),
    Fact("order.age_days", NUMBER, "order's age in days"),
)
FACTS: Mapping[str, Fact] = {fact.path: fact for fact in _ALL}


def facts_below(root: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `caller` or `order` among facts by their paths."""
    return {path: value for path, value in given.items() if path in FACTS and FACTS[path].root == root}
