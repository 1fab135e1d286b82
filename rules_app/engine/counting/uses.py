"""What one action has to do with a counter: with whom it is counted, whether it counts, and by how much. Pure.

A counter looks at the action as it came in, in its normal form: what `modify` rules make of it is not looked at, so
that who is counted together is known before any rule is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from acteon_site.base.money import is_amount
from rules_app.engine.counting.declared import COUNT, DISTINCT, EVERYWHERE, SUM, TENANT, Counter
from rules_app.engine.counting.tallies import HIGHEST, Data, Mark, is_new, total
from rules_app.engine.fields import walk
from rules_app.engine.scope import MISSING, ActionView, Counts, Scope, kind_of

HIGHEST_AMOUNT = 10**12
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)  # nothing here asks the clock


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """`group` tells those that are counted together. `counts`: it adds `amount` (and its value, `member`) once it is
    accepted. `lacks` says which field is missing, so that it has no counter at all."""

    counter: Counter
    group: tuple[str, ...] = ()
    counts: bool = False
    amount: int = 1
    member: str = ""
    lacks: str = ""

    def value(self, before: int, *, new_member: bool = False) -> Any:
        """What a condition finds, where `before` stands in the window; MISSING where it has none."""
        if self.lacks:
            return MISSING
        counter = self.counter
        if not counter.with_this or not self.counts:
            return before
        own = int(new_member) if counter.what == DISTINCT else self.amount
        return min(before + own, counter.most if counter.capped else HIGHEST)


def found_by(use: Use, data: Data, now: int, member: str, own: Mark | None) -> Any:
    """The value for conditions, where `data` stands under the use's key, with `member` in it for the use's value.

    `own` is the mark that the action itself has left there before.
    """
    if use.lacks:
        return MISSING
    new = bool(member) and is_new(use.counter, data, now, member)
    return use.value(total(use.counter, data, now, own), new_member=new)


def use_of(counter: Counter, action: ActionView) -> Use:
    scope = Scope(action, _ANY_TIME, UTC)
    group: list[str] = [] if counter.per == EVERYWHERE else [action.namespace]
    group += [action.tenant] if counter.per == TENANT else []
    for field in counter.by:
        value = field.get(scope)
        told = _told(value)
        if told is None:
            return Use(counter, lacks=f"{field.path} is {kind_of(value)}")
        group.append(told)
    of: Any = counter.of.get(scope) if counter.of else None
    if counter.what == SUM and counter.of and is_amount(counter.of.path):
        group.append(_currency(counter.of.path, action))
    counts = _fits(counter, of) and (counter.where is None or counter.where.test(scope))
    amount = int(of) if counts and counter.what == SUM else 1
    return Use(counter, tuple(group), counts, amount, _told(of) or "" if counter.what == DISTINCT else "")


def empty_counts(counters: Iterable[Counter], action: ActionView) -> Counts:
    """What the action finds where nothing was counted before it."""
    uses = [use_of(counter, action) for counter in counters]
    return Counts(
        {use.counter.name: use.value(0, new_member=True) for use in uses},
        {use.counter.name: use.lacks for use in uses if use.lacks},
    )


def _fits(counter: Counter, value: Any) -> bool:
    if counter.what == COUNT:
        return True
    if counter.what == SUM:
        return type(value) is int and 0 <= value <= HIGHEST_AMOUNT
    return _told(value) is not None


def _told(value: Any) -> str | None:
    """A text that is the same for equal values and for no others; None of what is no single value."""
    if isinstance(value, bool):
        return f"b:{value}"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return f"n:{value!r}"
    return f"t:{value}" if isinstance(value, str) else None


def _currency(path: str, action: ActionView) -> str:
    """The one that stands nearest beside or above the amount; empty where there is none."""
    segments = path.removeprefix("action.payload.").split(".")[:-1]
    for depth in range(len(segments), -1, -1):
        found = walk(action.payload, (*segments[:depth], "currency"))
        if isinstance(found, str):
            return found
    return ""
