"""A rule for a share of orders. Which ones stays the same over processes, restarts and versions. Pure.

A keyed hash spreads orders evenly; the rule's name is in it, so that shares of two rules are independent, and those
of a smaller percentage are among those of a larger one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from math import isfinite
from typing import Any, Final

from acteon_site.base.errors import FieldProblem
from rules_app.engine.fields import Field, parse_field
from rules_app.engine.scope import Scope, kind_of
from rules_app.engine.suggest import unknown

KEYS = ("percent", "by")
ALL: Final = 1 << 64
WITHIN, OUTSIDE, UNKEYED = "within", "outside", "unkeyed"


@dataclass(frozen=True, slots=True, eq=False)
class Rollout:
    """`by` is None where orders are told apart by their names; `below` of 2^64 hashes are within."""

    percent: float
    by: Field | None
    below: int

    @property
    def whole(self) -> bool:
        """Nothing is outside: every action that is dispatched has a name."""
        return self.below >= ALL and self.by is None

    def side(self, rule: str, scope: Scope) -> str:
        """within, outside, or unkeyed: what has no key is outside, too."""
        key = self._key(scope)
        if key is None:
            return UNKEYED
        return WITHIN if bucket(rule, key) < self.below else OUTSIDE

    def _key(self, scope: Scope) -> str | None:
        if self.by is None:
            action = scope.action
            return action.fingerprint or action.order_name or action.id or None
        return _as_key(self.by.get(scope))

    def in_words(self) -> str:
        """For whom the rule is: 10 % of orders, or 2.5 % by action.payload.customer.id."""
        share = f"{self.percent:g} %"
        return f"{share} by {self.by.path}" if self.by else f"{share} of orders"

    def why_not(self, side: str) -> str:
        """Why the rule is not asked."""
        if side == UNKEYED:
            where = self.by.path if self.by else "the order's name"
            return f"is for {self.in_words()}, and {where} is missing"
        return f"is for {self.in_words()}, and this one is outside"


def bucket(rule: str, key: str) -> int:
    """Where this key stands for this rule, of 2^64 places."""
    text = f"{rule}\0{key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest())


def _as_key(value: Any) -> str | None:
    """Equal values have one key: 5 and 5.0. What is no single value has none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if not isfinite(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value) if isinstance(value, (str, int)) and value != "" else None


def parse_rollout(value: Any, problems: list[FieldProblem]) -> Rollout | None:
    """The rollout that a rule's `rollout` says (null: none), or None with its problems added."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        problems.append(
            FieldProblem("rollout", f"must be an object with percent and by, not {kind_of(value)}")
        )
        return None
    before = len(problems)
    problems += [
        FieldProblem(f"rollout.{key}", unknown("key", key, KEYS)) for key in value if key not in KEYS
    ]
    if problem := _percent_problem(value.get("percent")):
        problems.append(FieldProblem("rollout.percent", problem))
    by = _field(value["by"], problems) if value.get("by") is not None else None
    if len(problems) > before:
        return None
    return Rollout(value["percent"], by, _below(value["percent"]))


def _percent_problem(value: Any) -> str | None:
    if value is None:
        return "is missing: of how many percent of orders, such as 10"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"must be a number, not {kind_of(value)}"
    return None if 1 <= value <= 100 else "must be from 1 to 100"


def _field(path: Any, problems: list[FieldProblem]) -> Field | None:
    found = parse_field(path)
    if isinstance(found, str):
        problems.append(FieldProblem("rollout.by", found))
        return None
    if found.clock:
        problems.append(
            FieldProblem("rollout.by", "must not look at the clock: an order is to stay on its side")
        )
        return None
    if found.fact:
        problems.append(FieldProblem("rollout.by", "must be of the action itself: facts about it may change"))
        return None
    return found


def _below(percent: float) -> int:
    """Of 2^64, by the number as it is written: 0.1 is a tenth."""
    return -(-Fraction(repr(percent)) * ALL // 100)
