"""Asks the sums, and adds what is not in them yet: so an answer holds all that was committed when it was read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
from django.db import connection, models
from django.db.models import BigIntegerField, Q, Sum, TextField
from django.db.models.functions import Cast

from acteon_site.base.snapshot import snapshot
from audit_app.analytics.durations import Durations
from audit_app.analytics.spans import Piece, Span, pieces
from audit_app.models import AuditRecord, Rollup, RollupDelta, RollupTime
from audit_app.records.rollups import DAY, FIELDS, MINUTE, Added, added
from audit_app.services.rollups import deltas_sum

# So many records that the relay has not reached are counted one by one; with more of them answers are late, as it is.
MOST_UNNUMBERED = 2000
_NAMES = ("kind", "namespace", "tenant", "provider", "action_type", "outcome", "label")
_COLUMNS: Mapping[type[models.Model], tuple[str, ...]] = {
    Rollup: ("at", *_NAMES, "currency"),
    RollupTime: ("at", *_NAMES, "duration_class"),
}
# These add up short rows in milliseconds: to compile a statement and to start processes for it is left to larger ones.
_PLAIN_PLANS = "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0"
# What a row is about, and how many and how much there were of it.
Answer: TypeAlias = dict[tuple[Any, ...], tuple[int, int]]
# What a row is about, and how long it took.
Times: TypeAlias = dict[tuple[Any, ...], Durations]
_CLASSES = msgspec.json.Decoder(dict[int, int])


@dataclass(frozen=True, slots=True)
class Question:
    """How many were alike in `group`, of those of `kind` in `span` whose names are among `filters`.

    `group` may hold "at": the begin of each sum, no longer than `largest` seconds; and "grain": its length. `cover`
    are the sums to read where the usual ones for the span will not do. `worth`: whether amounts or times are asked
    for, too; adding up numbers without bounds costs more than all the rest.
    """

    kind: int
    span: Span
    filters: Mapping[str, Collection[str]] = field(default_factory=dict)
    group: tuple[str, ...] = ()
    largest: int = DAY
    cover: Sequence[Piece] = ()
    worth: bool = True

    @property
    def identity(self) -> tuple[Any, ...]:
        """The same for the same question."""
        filters = tuple(sorted((name, tuple(sorted(names))) for name, names in self.filters.items()))
        return (self.kind, self.span, filters, self.group, self.largest, tuple(self.cover), self.worth)


class Sums:
    """What is asked of one moment: so what was asked once need not be read again."""

    def __init__(self, fresh: Added) -> None:
        self._fresh = fresh
        self._records: dict[tuple[Any, ...], Answer] = {}
        self._times: dict[tuple[Any, ...], Times] = {}

    def records(self, question: Question) -> Answer:
        """Counts, and amounts in the smallest unit of the currency (which is to be in `group`)."""
        if question.identity not in self._records:
            answer = _stored(question)
            for alike, _, count, amount in _fresh_of(question, Rollup, self._fresh.records):
                held = answer.get(alike, (0, 0))
                answer[alike] = (held[0] + count, held[1] + (amount if question.worth else 0))
            self._records[question.identity] = answer
        return self._records[question.identity]

    def times(self, question: Question) -> Times:
        """How long they took; all of it together only where `worth` is asked for."""
        if question.identity not in self._times:
            answer = _stored_times(question)
            for alike, duration_class, count, micros in _fresh_of(question, RollupTime, self._fresh.times):
                found = answer.setdefault(alike, Durations())
                found.add(duration_class, count, micros if question.worth else 0)
            self._times[question.identity] = answer
        return self._times[question.identity]


def _stored(question: Question) -> Answer:
    size = len(question.group)
    rows = _rows(Rollup, question)
    sums: dict[str, Any] = {"n": Cast(Sum("count"), BigIntegerField())}
    if question.worth:
        sums["t"] = Sum("amount")
    if not question.group:
        found = [tuple(rows.aggregate(**sums).values())]
    else:
        found = list(rows.values(*question.group).annotate(**sums).values_list(*question.group, *sums))
    return {row[:size]: (row[size], _whole(row[size + 1 :])) for row in found if row[size] is not None}


def _stored_times(question: Question) -> Times:
    """Classes are added up here: a database takes thrice as long to take them apart."""
    size = len(question.group)
    answer: Times = {}
    columns: list[Any] = [*question.group, Cast("classes", TextField()), "duration_class", "count"]
    columns += ["micros"] if question.worth else []
    for row in _rows(RollupTime, question).values_list(*columns):
        found = answer.setdefault(row[:size], Durations())
        classes, duration_class, count, *micros = row[size:]
        found.micros += _whole(tuple(micros))
        found.include(_CLASSES.decode(classes) if classes is not None else {duration_class: count})
    return answer


def _rows(model: type[models.Model], question: Question) -> models.QuerySet[Any]:
    lookups = {f"{name}__in": list(names) for name, names in question.filters.items()}
    return model._default_manager.filter(_within(question), kind=question.kind, **lookups).order_by()


def _whole(totals: tuple[Any, ...]) -> int:
    return int(totals[0]) if totals else 0


def _within(question: Question) -> Q:
    found = Q(pk__in=[])
    for grain, span in question.cover or pieces(question.span, question.largest):
        found |= Q(grain=grain, at__gte=span.since, at__lt=span.until)
    return found


def _fresh_of(
    question: Question, model: type[models.Model], fresh: Mapping[tuple[Any, ...], list[int]]
) -> Iterator[tuple[tuple[Any, ...], Any, int, int]]:
    """What of these is asked for: what it is about, its currency or class, how many, how much."""
    span, columns = question.span, (*_COLUMNS[model], "grain")
    group = [columns.index(name) for name in question.group]
    wanted = [(columns.index(name), names) for name, names in question.filters.items()]
    for entry, (count, amount) in fresh.items():
        key = (*entry, MINUTE)
        if key[1] != question.kind or not span.since <= key[0] < span.until:
            continue
        if all(key[index] in names for index, names in wanted):
            yield tuple(key[index] for index in group), entry[-1], count, amount


@contextmanager
def sums_now() -> Iterator[Sums]:
    """To ask inside; all answers are of one moment."""
    with snapshot():
        if connection.vendor == "postgresql" and connection.in_atomic_block:
            with connection.cursor() as cursor:
                cursor.execute(_PLAIN_PLANS)
        yield Sums(_fresh())


def _fresh() -> Added:
    sums = deltas_sum(RollupDelta.objects.values_list("content", flat=True))
    unnumbered = AuditRecord.objects.filter(number__isnull=True).order_by("id").values(*FIELDS)
    late = added(unnumbered[:MOST_UNNUMBERED])
    sums.include(*late.stored())
    return sums
