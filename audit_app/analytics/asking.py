"""Asks the sums, and adds what is not in them yet: so an answer holds all that was committed when it was read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.db import models
from django.db.models import Q, Sum

from acteon_site.base.snapshot import snapshot
from audit_app.analytics.spans import Span, pieces
from audit_app.models import AuditRecord, Rollup, RollupDelta, RollupTime
from audit_app.records.rollups import DAY, FIELDS, Added, added
from audit_app.services.rollups import deltas_sum

# So many records that the relay has not reached are counted one by one; with more of them answers are late, as it is.
MOST_UNNUMBERED = 2000
_NAMES = ("kind", "namespace", "tenant", "provider", "action_type", "outcome", "label")
_COLUMNS: Mapping[type[models.Model], tuple[str, ...]] = {
    Rollup: ("at", *_NAMES, "currency"),
    RollupTime: ("at", *_NAMES, "duration_class"),
}
_TOTALS: Mapping[type[models.Model], str] = {Rollup: "amount", RollupTime: "micros"}
# What a row is about, and how many and how much there were of it.
Answer: TypeAlias = dict[tuple[Any, ...], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Question:
    """How many were alike in `group`, of those of `kind` in `span` whose names are among `filters`.

    `group` may hold "at": the begin of each sum, no longer than `largest` seconds.
    """

    kind: int
    span: Span
    filters: Mapping[str, Collection[str]] = field(default_factory=dict)
    group: tuple[str, ...] = ()
    largest: int = DAY


class Sums:
    """What is asked of one moment."""

    def __init__(self, fresh: Added) -> None:
        self._fresh = fresh

    def records(self, question: Question) -> Answer:
        """Counts, and amounts in the smallest unit of the currency (which is to be in `group`)."""
        return self._answer(Rollup, question, self._fresh.records)

    def times(self, question: Question) -> Answer:
        """Counts, and microseconds. With "duration_class" in `group`: what percentiles are read from."""
        return self._answer(RollupTime, question, self._fresh.times)

    def _answer(
        self, model: type[models.Model], question: Question, fresh: Mapping[tuple[Any, ...], list[int]]
    ) -> Answer:
        total = _TOTALS[model]
        lookups = {f"{name}__in": list(names) for name, names in question.filters.items()}
        rows = model._default_manager.filter(_within(question), kind=question.kind, **lookups).order_by()
        found = (
            rows.values(*question.group).annotate(n=Sum("count"), t=Sum(total))
            if question.group
            else [rows.aggregate(n=Sum("count"), t=Sum(total))]
        )
        answer = {
            tuple(row[name] for name in question.group): (row["n"], int(row["t"]))
            for row in found
            if row["n"] is not None
        }
        _include(answer, question, _COLUMNS[model], fresh)
        return answer


def _within(question: Question) -> Q:
    found = Q(pk__in=[])
    for grain, span in pieces(question.span, question.largest):
        found |= Q(grain=grain, at__gte=span.since, at__lt=span.until)
    return found


def _include(
    answer: Answer,
    question: Question,
    columns: tuple[str, ...],
    fresh: Mapping[tuple[Any, ...], list[int]],
) -> None:
    span, group = question.span, [columns.index(name) for name in question.group]
    wanted = [(columns.index(name), names) for name, names in question.filters.items()]
    for key, (count, amount) in fresh.items():
        if key[1] != question.kind or not span.since <= key[0] < span.until:
            continue
        if all(key[index] in names for index, names in wanted):
            alike = tuple(key[index] for index in group)
            held = answer.get(alike, (0, 0))
            answer[alike] = (held[0] + count, held[1] + amount)


@contextmanager
def sums_now() -> Iterator[Sums]:
    """To ask inside; all answers are of one moment."""
    with snapshot():
        yield Sums(_fresh())


def _fresh() -> Added:
    sums = deltas_sum(RollupDelta.objects.values_list("content", flat=True))
    unnumbered = AuditRecord.objects.filter(number__isnull=True).order_by("id").values(*FIELDS)
    late = added(unnumbered[:MOST_UNNUMBERED])
    sums.include(*late.stored())
    return sums
