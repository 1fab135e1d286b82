"""The report of a rule in shadow, or for a share of orders: hours that are counted, and the trials since."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import TruncDate

from acteon_site.base.registry import Hook, Registry
from rules_app.models import RuleTrial, RuleTrialCount
from rules_app.services.trial_counts import HOUR, counted_until
from rules_app.trial_report import Report, Tally, makes_difference, report_of

USUAL_SPAN = timedelta(days=30)
LONGEST_SPAN = timedelta(days=400)
MOST_NEWEST = 200
MOST_SAMPLES = 10
ALIKE = ("side", "would", "happened", "decided_by", "namespace", "tenant", "currency", "day")


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """The order that an action led to: its name, its page, and how it stands now."""

    name: str
    url: str
    status: str


# Gives the orders of stored actions, by the actions' keys. Listed by whoever knows orders.
ORDERS: Registry[Hook[Callable[[Sequence[UUID]], Mapping[UUID, OrderSeen]]]] = Registry("orders of trials")


@dataclass(frozen=True, slots=True)
class Newest:
    """Of the newest trials a few of each side with their orders, those to which the rule makes a difference first; and
    how the orders of all of them stand now."""

    samples: Mapping[str, list[tuple[RuleTrial, OrderSeen | None]]]
    standing: Mapping[str, dict[str, int]]


def trial_report(rule: str, begin: datetime, end: datetime, **scope: Any) -> Report:
    """What `rule` came to from the hour of `begin` until the end of that of `end`. `scope`: filters on trials."""
    begin, end = _hour(begin), _hour(end - timedelta(microseconds=1)) + HOUR
    until = min(max(counted_until() or begin, begin), end)
    counts = RuleTrialCount.objects.filter(rule=rule, hour__gte=begin, hour__lt=until, **scope)
    rows = RuleTrial.objects.filter(rule=rule, at__gte=until, at__lt=end, **scope)
    found = chain(
        _tallies(counts, "hour", Sum("trials"), Sum("amount")),
        _tallies(rows, "at", Count("id"), Sum("amount")),
    )
    return report_of(rule, begin, end, found)


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _tallies(rows: QuerySet[Any], moment: str, trials: Any, amount: Any) -> Iterator[Tally]:
    dated = rows.order_by().annotate(day=TruncDate(F(moment), tzinfo=UTC)).values(*ALIKE)
    for row in dated.annotate(number=trials, total=amount):
        number, total = row.pop("number"), row.pop("total")
        yield Tally(**row, trials=number, amount=int(total or 0))


def newest_trials(rule: str, **scope: Any) -> Newest:
    """By two queries, however many there are."""
    rows = list(RuleTrial.objects.filter(rule=rule, **scope).order_by("-at", "-id")[:MOST_NEWEST])
    orders = _orders([row.action for row in rows])
    rows.sort(key=lambda row: not makes_difference(row.side, row.would, row.happened, row.decided_by == rule))
    samples: dict[str, list[tuple[RuleTrial, OrderSeen | None]]] = {}
    standing: dict[str, dict[str, int]] = {}
    for row in rows:
        order, shown = orders.get(row.action), samples.setdefault(row.side, [])
        if len(shown) < MOST_SAMPLES:
            shown.append((row, order))
        if order:
            counted = standing.setdefault(row.side, {})
            counted[order.status] = counted.get(order.status, 0) + 1
    return Newest(samples, standing)


def _orders(actions: Sequence[UUID]) -> dict[UUID, OrderSeen]:
    return {key: order for hook in ORDERS.values() for key, order in hook.call(actions).items()}
