"""Adds what records count for to the rollups, and builds those of records that nobody has counted yet.

Only sums are added, each record once: its delta is written in the transaction in which the relay numbers it, and
deleted in the one that adds it to the sums; or it is added in the one that takes its number out of a gap. So the
order in which it happens does not matter, nor who dies meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
from django.db import connection, models, transaction
from django.utils import timezone

from acteon_site.base.statements import execute
from audit_app.models import (
    AuditRecord,
    RelayHead,
    RetentionPolicy,
    Rollup,
    RollupDelta,
    RollupGap,
    RollupNames,
    RollupTime,
)
from audit_app.records.rollups import (
    DAY,
    FIELDS,
    MINUTE,
    Added,
    Key,
    Packed,
    added,
    by_grain,
    packed_by_grain,
    row_id,
)
from audit_app.records.sketch import PACKED
from audit_app.services.legal_holds import held_of
from audit_app.services.rollup_names import names_bound
from audit_app.services.rollup_rows import NAMES, rows_add

# Minutes are kept so long; what is older is counted by quarters.
MINUTES_KEPT = timedelta(hours=26)
BATCH = 2000
MOST_DELTAS = 300
_NOTE = "INSERT INTO audit_app_rollupdelta (content) VALUES (%s) RETURNING id"
_UNPACKED = ("id", "grain", "at", *NAMES, "duration_class", "count", "micros")


def rollups_note(*, records: Iterable[Mapping[str, Any]]) -> int:
    """Note what these records add, each with FIELDS; answers the delta's key, which are in order.

    Inside the transaction that keeps them from being counted again.
    """
    content = msgspec.json.encode(added(records).stored()).decode()
    if connection.vendor != "postgresql":
        return int(RollupDelta.objects.create(content=content).pk)
    ((key,),) = execute(_NOTE, [content])
    return int(key)


def rollups_fold(*, most: int = MOST_DELTAS) -> int:
    """Add the oldest deltas to the sums; answers how many. Those that somebody else folds are passed by."""
    with transaction.atomic():
        waiting = RollupDelta.objects.select_for_update(skip_locked=True).order_by("pk")
        deltas = dict(waiting.values_list("pk", "content")[:most])
        sums_add(deltas_sum(deltas.values()))
        RollupDelta.objects.filter(pk__in=list(deltas)).delete()
        return len(deltas)


def deltas_sum(contents: Iterable[str]) -> Added:
    """All of them together."""
    sums = Added()
    for content in contents:
        sums.include(*msgspec.json.decode(content))
    return sums


def sums_add(sums: Added) -> None:
    """Add these, with the names that nobody tells apart together."""
    minutes_from = int((timezone.now() - MINUTES_KEPT).timestamp())
    sums = names_bound(sums)
    rows_add(
        Rollup,
        (
            [row_id(*where), *_about(where), *found]
            for where, found in by_grain(sums.records, minutes_from).items()
        ),
    )
    rows_add(
        RollupTime,
        (
            [row_id(*where), *_about(where), found.count, found.micros, found.classes]
            for where, found in packed_by_grain(sums.times, minutes_from).items()
        ),
    )


def _about(where: tuple[int, Key]) -> list[Any]:
    grain, key = where
    return [grain, *key]


def times_pack(*, batch: int = BATCH) -> int:
    """Pack rows of an older release, which are of one class each; answers how many. Whoever locked some packs those."""
    with transaction.atomic():
        rows = (
            RollupTime.objects.select_for_update(skip_locked=True).filter(classes__isnull=True).order_by("pk")
        )
        found: dict[tuple[int, Key], Packed] = {}
        keys = []
        for pk, grain, *key, count, micros in rows.values_list(*_UNPACKED)[:batch]:
            keys.append(pk)
            packed = found.setdefault((grain, cast(Key, (*key[:-1], PACKED))), Packed())
            packed.count, packed.micros = packed.count + count, packed.micros + int(micros)
            packed.classes[key[-1]] = packed.classes.get(key[-1], 0) + count
        RollupTime.objects.filter(pk__in=keys).delete()
        rows_add(
            RollupTime,
            (
                [row_id(*where), *_about(where), one.count, one.micros, one.classes]
                for where, one in found.items()
            ),
        )
        return len(keys)


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
        for model in (RollupDelta, Rollup, RollupTime, RollupNames, RollupGap):
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
        sums_add(added(records))
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
    return max(
        batch if folded == MOST_DELTAS else 0,
        rollups_build(batch=batch),
        times_pack(batch=batch),
        _minutes_delete(now, batch),
    )


def _minutes_delete(now: datetime, batch: int) -> int:
    deleted = 0
    for model in (Rollup, RollupTime):
        old = model._default_manager.filter(grain=MINUTE, at__lt=int((now - MINUTES_KEPT).timestamp()))
        deleted += _delete(old, batch - deleted)
    return deleted


def reap_rollups(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """Sums outlive no record by more than a day: they go by whole days, when the policy removes a day's records.

    Records are held up to the end of the chain, and so are their sums.
    """
    if policy.audit_ttl_seconds is None:
        return 0
    over = now - timedelta(seconds=policy.audit_ttl_seconds)
    held = held_of(policy.namespace, policy.tenant).earliest(over)
    cutoff = int(held.timestamp()) // DAY * DAY
    deleted = 0
    for model in (Rollup, RollupTime, RollupNames):
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
