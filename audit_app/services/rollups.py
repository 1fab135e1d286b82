"""Adds what records count for to the rollups, and builds those of records that nobody has counted yet.

Only sums are added, each record once: its delta is written in the transaction in which the relay numbers it, and
deleted in the one that adds it to the sums; or it is added in the one that takes its number out of a gap. So the
order in which it happens does not matter, nor who dies meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection, models, transaction
from django.utils import timezone

from audit_app.models import (
    AuditRecord,
    RelayHead,
    RetentionPolicy,
    Rollup,
    RollupDelta,
    RollupGap,
    RollupTime,
)
from audit_app.records.rollups import DAY, FIELDS, MINUTE, Added, Key, Sums, added, by_grain, row_id

# Minutes are kept so long; what is older is counted by quarters.
MINUTES_KEPT = timedelta(hours=26)
BATCH = 2000
MOST_DELTAS = 100

_NAMES = ("kind", "namespace", "tenant", "provider", "action_type", "outcome", "label")
_COLUMNS: Mapping[type[models.Model], tuple[str, ...]] = {
    Rollup: ("id", "grain", "at", *_NAMES, "currency", "count", "amount"),
    RollupTime: ("id", "grain", "at", *_NAMES, "duration_class", "count", "micros"),
}
_TYPES = {
    "id": "uuid",
    "kind": "smallint",
    "grain": "integer",
    "at": "bigint",
    "duration_class": "smallint",
    "count": "bigint",
    "amount": "numeric",
    "micros": "numeric",
}


def rollups_note(*, records: Iterable[Mapping[str, Any]]) -> int:
    """Note what these records add, each with FIELDS; answers the delta's key, which are in order.

    Inside the transaction that keeps them from being counted again.
    """
    content = msgspec.json.encode(added(records).stored()).decode()
    return int(RollupDelta.objects.create(content=content).pk)


def rollups_fold(*, most: int = MOST_DELTAS) -> int:
    """Add the oldest deltas to the sums; answers how many. Those that somebody else folds are passed by."""
    with transaction.atomic():
        waiting = RollupDelta.objects.select_for_update(skip_locked=True).order_by("pk")
        deltas = dict(waiting.values_list("pk", "content")[:most])
        _sums_add(deltas_sum(deltas.values()))
        RollupDelta.objects.filter(pk__in=list(deltas)).delete()
        return len(deltas)


def deltas_sum(contents: Iterable[str]) -> Added:
    """All of them together."""
    sums = Added()
    for content in contents:
        sums.include(*msgspec.json.decode(content))
    return sums


def _sums_add(sums: Added) -> None:
    minutes_from = int((timezone.now() - MINUTES_KEPT).timestamp())
    for model, found in ((Rollup, sums.records), (RollupTime, sums.times)):
        rows_add(model, _rows(found, minutes_from))


def _rows(sums: Sums, minutes_from: int) -> Iterator[list[Any]]:
    for (grain, key), (count, amount) in by_grain(sums, minutes_from).items():
        yield row_of(grain, key, count, amount)


def row_of(grain: int, key: Key, count: int, amount: int) -> list[Any]:
    """In the order of the columns."""
    at, *names = key
    return [row_id(grain, key), grain, at, *names, count, amount]


def rows_add(model: type[models.Model], rows: Iterable[list[Any]]) -> None:
    """Add to rows that are there, and insert the others, by one statement. In the order of ids: two cannot deadlock."""
    ordered = sorted(rows)
    if not ordered:
        return
    names = _COLUMNS[model]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Numbers as texts: a sum may be larger than JSON's readers agree on.
            content = json.dumps([dict(zip(names, row, strict=True)) for row in ordered])
        else:
            content = json.dumps(ordered)
        cursor.execute(_statement(model), [content])


def _statement(model: type[models.Model]) -> str:
    table, names = model._meta.db_table, _COLUMNS[model]
    columns, total = ", ".join(names), names[-1]
    if connection.vendor == "postgresql":
        types = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in names)
        source = f"json_to_recordset(%s::json) AS fresh({types})"
    else:
        values = ", ".join(f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(names))
        # WHERE: without it SQLite takes ON CONFLICT for one of a join.
        source = f"(SELECT {values} FROM json_each(%s)) WHERE true"  # noqa: S608 - our own names
    adding = f"count = {table}.count + excluded.count, {total} = {table}.{total} + excluded.{total}"
    into = f"INSERT INTO {table} ({columns})"
    return f"{into} SELECT {columns} FROM {source} ON CONFLICT (id) DO UPDATE SET {adding}"  # noqa: S608


def gap_note(*, after: int, upto: int) -> None:
    """Remember that records with these numbers are not counted. By the relay, with its head locked."""
    RollupGap.objects.create(after=after, upto=upto)


def rollups_forget() -> None:
    """Take all sums away, and remember that nothing is counted. What comes meanwhile is counted as ever."""
    with transaction.atomic():
        head = RelayHead.objects.select_for_update().filter(pk=1).first()
        # What somebody is building or folding has to be there to be deleted.
        list(RollupGap.objects.select_for_update().order_by("pk"))
        list(RollupDelta.objects.select_for_update().order_by("pk").values_list("pk"))
        for model in (RollupDelta, Rollup, RollupTime, RollupGap):
            model._default_manager.all().delete()
        if head is not None and head.audit_number:
            gap_note(after=0, upto=head.audit_number)
            RelayHead.objects.filter(pk=1).update(rolled_up_number=head.audit_number)


def rollups_build(*, batch: int = BATCH) -> int:
    """Count the next records of the oldest gap; answers how many. 0: no gap is left, or somebody else is at it."""
    with transaction.atomic():
        gap = RollupGap.objects.select_for_update(skip_locked=True).order_by("pk").first()
        if gap is None:
            return 0
        waiting = AuditRecord.objects.filter(number__gt=gap.after, number__lte=gap.upto).order_by("number")
        records: list[dict[str, Any]] = list(waiting.values("number", *FIELDS)[:batch])
        _sums_add(added(records))
        if len(records) < batch:
            gap.delete()
        else:
            gap.after = records[-1]["number"]
            gap.save(update_fields=["after"])
        return len(records)


def rollups_missing() -> int:
    """How many numbers no rollup has counted: at most so many records are missing in it."""
    return sum(upto - after for after, upto in RollupGap.objects.values_list("after", "upto"))


def rollups_tidy(now: datetime, batch: int) -> int:
    """For the reaper's passes: fold, count a part of what is missing, delete minutes that are counted by quarters."""
    folded = rollups_fold()
    return max(batch if folded == MOST_DELTAS else 0, rollups_build(batch=batch), _minutes_delete(now, batch))


def _minutes_delete(now: datetime, batch: int) -> int:
    deleted = 0
    for model in (Rollup, RollupTime):
        old = model._default_manager.filter(grain=MINUTE, at__lt=int((now - MINUTES_KEPT).timestamp()))
        deleted += _delete(old, batch - deleted)
    return deleted


def reap_rollups(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """Sums outlive no record by more than a day: they go by whole days, when the policy removes a day's records."""
    if policy.audit_ttl_seconds is None:
        return 0
    cutoff = int(now.timestamp() - policy.audit_ttl_seconds) // DAY * DAY
    deleted = 0
    for model in (Rollup, RollupTime):
        old = model._default_manager.filter(namespace=policy.namespace, tenant=policy.tenant, at__lt=cutoff)
        deleted += _delete(old, batch - deleted)
    return deleted


def _delete(rows: models.QuerySet[Any], most: int) -> int:
    if most <= 0:
        return 0
    keys = list(rows.order_by().values_list("pk", flat=True)[:most])
    if keys:
        rows.model._default_manager.filter(pk__in=keys).delete()
    return len(keys)
