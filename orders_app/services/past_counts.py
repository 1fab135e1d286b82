"""What counters said to an action at an instant of the past: by the trail where it was asked, else counted again.

Nothing is guessed: a counter whose orders are too many to be read again, or are kept no more, is `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from acteon_site.base.clock_text import parse_time
from orders_app.contract.actions import stored_action
from orders_app.models import Action
from orders_app.pipeline.decide import view_of
from orders_app.services.judging import Original, Record
from orders_app.services.past_dispatches import originals_of
from orders_app.services.past_trail import Accepted, PastTrail
from rules_app.engine import ActionView, RuleSet
from rules_app.engine.counters import micros, moment_of
from rules_app.engine.counting import Counter, CounterMemory, use_of
from rules_app.engine.counting.declared import EVERYWHERE, TENANT
from rules_app.engine.scope import MISSING, NO_COUNTS, Counts
from rules_app.models import GateRow
from rules_app.services.counting import Counted, counters_asked, counts_now
from rules_app.services.past_moments import Moment
from rules_app.services.rule_history import rule_set_of

_LOST = "an original of then is no longer stored"
Seen = tuple[ActionView, datetime]


def counts_then(rules: RuleSet, action: ActionView, moment: Moment) -> Counts:
    """For evaluations and tries."""
    if moment.at > timezone.now():
        return counts_now(rules, action, moment.at)
    met, trail = counters_asked(rules, action), PastTrail(moment)
    counts = _Then(trail, action).counts(met) if met else NO_COUNTS
    return replace(counts, order=_order_then(trail)) if rules.asks_orders else counts


def _order_then(trail: PastTrail) -> Mapping[str, Any]:
    """What the trail says that the ledger of its order told it; of what is not on record, nothing."""
    own = trail.own
    found: Mapping[str, Any] = own.record.verdict_details.get("order", {}) if own and own.record else {}
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """What the trail says that counters told the stored action that is tried, by its rules of then."""

    view: ActionView
    values: Mapping[str, Any]
    since: Mapping[str, str]

    def value(self, one: Counted) -> Any:
        """MISSING where it was not asked, was declared otherwise, or is tried with another value now."""
        name = one.counter.name
        if self.since.get(name) != one.counter.since:
            return MISSING
        use = use_of(one.counter, self.view)
        alike = (use.group, use.member, use.amount, use.counts) == (
            one.use.group,
            one.use.member,
            one.use.amount,
            one.use.counts,
        )
        return self.values.get(name, MISSING) if alike else MISSING


def _said_to(trail: PastTrail) -> _Said | None:
    own = trail.own
    if own is None or own.record is None or own.at != trail.at:
        return None
    then = rule_set_of(own.record.ruleset_version)
    since = {one.name: one.since for one in then.counters} if then else {}
    action = stored_action(Action.objects.get(pk=own.row).body)
    return _Said(view_of(action), own.record.verdict_details.get("counters", {}), since)


class _Then:
    """One action at one instant. What is read for one counter serves the others, too."""

    def __init__(self, trail: PastTrail, action: ActionView) -> None:
        self.trail, self.action = trail, action
        self.said = _said_to(trail)
        self._seen: dict[tuple[str, datetime], tuple[list[Seen], str]] = {}

    def counts(self, met: Iterable[Counted]) -> Counts:
        values: dict[str, Any] = {}
        lacks: dict[str, str] = {}
        unknown = set()
        for one in met:
            name = one.counter.name
            value, why = (MISSING, "") if one.use.lacks else self._value(one)
            values[name] = MISSING if why else value
            if one.use.lacks:
                lacks[name] = one.use.lacks
            elif why:
                lacks[name] = f"nobody knows what it said then: {why}"
                unknown.add(name)
        return Counts(values, lacks, frozenset(unknown))

    def _value(self, one: Counted) -> tuple[Any, str]:
        """What it says, or why that is not known."""
        counter, now = one.counter, micros(self.trail.at)
        if self.said and (said := self.said.value(one)) is not MISSING:
            return said, ""
        if (kept := self._untouched(one)) is not None:
            return one.found(kept, now, None), ""
        began = parse_time(counter.since) or self.trail.at
        seen, why = self._before(counter, max(moment_of(counter.window.begin(now, counter.zone)), began))
        memory = CounterMemory([counter])
        for view, at in seen:
            memory.count(view, at)
        return memory.found(self.action, self.trail.at).values[counter.name], why

    def _untouched(self, one: Counted) -> dict[str, Any] | None:
        """What its row holds, where nothing was counted there since."""
        own = self.trail.own
        row = GateRow.objects.filter(pk=one.key).first() if one.key else None
        if row is None or (own and own.at < self.trail.at):
            return None
        found: dict[str, Any] = row.data
        return found if _newest_in(found) < micros(self.trail.at) else None

    def _before(self, counter: Counter, begin: datetime) -> tuple[list[Seen], str]:
        """Those that were accepted since then, or why they are not known."""
        if begin >= self.trail.at:
            return [], ""  # it counted nothing yet
        key = (counter.per, begin)
        if key not in self._seen:
            self._seen[key] = _read(self._accepted(counter.per, begin))
        return self._seen[key]

    def _accepted(self, per: str, begin: datetime) -> Accepted:
        namespace, tenant = self.action.namespace, self.action.tenant
        if per == TENANT:
            return self.trail.accepted(namespace, tenant, begin)
        return self.trail.accepted_by_all(None if per == EVERYWHERE else namespace, begin)


def _read(found: Accepted) -> tuple[list[Seen], str]:
    if found.lacks:
        return [], found.lacks
    records = [record for record in found.records if not record.is_release]
    originals = originals_of(records)
    seen = [_seen(record, originals.take(record)) for record in records]
    told = [one for one in seen if one is not None]
    return (told, "") if len(told) == len(seen) else ([], _LOST)


def _seen(record: Record, original: Original | None) -> Seen | None:
    submitted = original.submitted() if original else None
    return (view_of(submitted), record.dispatched_at) if submitted else None


def _newest_in(data: Mapping[str, Any]) -> int:
    """When it was counted last (microseconds); 0 of nothing."""
    if "seen" in data:
        return max((last for _, last in data["seen"].values()), default=0)
    at = data.get("at", 0)
    return max(at, default=0) if isinstance(at, list) else int(at)
