"""Checks a tenant's chain of audit records: nothing changed, removed or put in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Min, Q, QuerySet, Subquery

from audit_app.models import AuditHead, AuditRecord
from audit_app.records.sealing import READ_FIELDS, record_hash

BATCH = 1000


@dataclass(slots=True)
class Verification:
    """`first_broken_at` is a record's id, or `sequence <n>` where the record itself is missing."""

    valid: bool = True
    records_checked: int = 0
    first_broken_at: str | None = None
    first_record_id: str | None = None
    last_record_id: str | None = None
    unsealed: int = 0

    def broken(self, where: str) -> Verification:
        self.valid, self.first_broken_at = False, where
        return self


@dataclass(slots=True)
class Segment:
    """What to check: the sequence numbers, and the hash before the first of them."""

    first: int
    last: int
    previous_hash: str
    last_hash: str | None  # known where the segment ends at the head


def audit_verify(
    *, namespace: str, tenant: str, since: datetime | None = None, until: datetime | None = None
) -> Verification:
    """Walk the chain, or the part of it that spans the records dispatched in [since, until].

    Records that the relay has not sealed yet are the unsealed tail: counted, not vouched for.
    """
    records = AuditRecord.objects.filter(namespace=namespace, tenant=tenant)
    result = Verification(unsealed=records.filter(sequence_number=None).count())
    head = AuditHead.objects.filter(namespace=namespace, tenant=tenant).first()
    sealed = records.filter(sequence_number__isnull=False)
    if head is None:
        stray = sealed.order_by("sequence_number").first()
        return result.broken(str(stray.pk)) if stray else result
    segment = segment_of(head, since=since, until=until)
    if segment is None:
        return result
    if _walk(segment, sealed, head, result).valid:
        _check_outside(sealed, head, result)
    return result


def segment_verify(head: AuditHead, *, after: int, at_most: int) -> Verification:
    """Walk so many records behind a sequence number. What comes later is not looked at."""
    sealed = AuditRecord.objects.filter(
        namespace=head.namespace, tenant=head.tenant, sequence_number__isnull=False
    )
    first = max(after, head.reaped_sequence) + 1
    last = min(first + at_most - 1, head.sequence_number)
    ends_here = last == head.sequence_number
    segment = Segment(first, last, _hash_before(first, head, sealed), head.record_hash if ends_here else None)
    return _walk(segment, sealed, head, Verification())


def segment_of(head: AuditHead, *, since: datetime | None, until: datetime | None) -> Segment | None:
    """The part of the chain that spans the records dispatched in [since, until]; None where there are none."""
    sealed = AuditRecord.objects.filter(
        namespace=head.namespace, tenant=head.tenant, sequence_number__isnull=False
    )
    if since is None and until is None:
        return Segment(head.reaped_sequence + 1, head.sequence_number, head.reaped_hash, head.record_hash)
    within = sealed
    if since is not None:
        within = within.filter(dispatched_at__gte=since)
    if until is not None:
        within = within.filter(dispatched_at__lte=until)
    edges = within.aggregate(first=Min("sequence_number"), last=Max("sequence_number"))
    if edges["first"] is None:
        return None
    first = edges["first"] if since is not None else head.reaped_sequence + 1
    last, last_hash = (head.sequence_number, head.record_hash) if until is None else (edges["last"], None)
    return Segment(first, last, _hash_before(first, head, sealed), last_hash)


def _hash_before(first: int, head: AuditHead, sealed: QuerySet[AuditRecord]) -> str:
    if first == head.reaped_sequence + 1:
        return head.reaped_hash
    before = sealed.filter(sequence_number=first - 1).values_list("record_hash", flat=True).first()
    return before or "missing"


def _walk(
    segment: Segment, sealed: QuerySet[AuditRecord], head: AuditHead, result: Verification
) -> Verification:
    expected, previous_hash = segment.first, segment.previous_hash
    for record in records_in_order(sealed, segment):
        if record["sequence_number"] != expected and _was_reaped(head, expected, record):
            expected, previous_hash = head.reaped_sequence + 1, head.reaped_hash
        if not _fits(record, expected, previous_hash):
            return result.broken(str(record["id"]))
        expected, previous_hash = expected + 1, record["record_hash"]
        result.records_checked += 1
        result.first_record_id = result.first_record_id or str(record["id"])
        result.last_record_id = str(record["id"])
    if expected <= segment.last:
        head.refresh_from_db()
        if segment.last > head.reaped_sequence:
            return result.broken(f"sequence {expected}")
    elif segment.last_hash is not None and previous_hash != segment.last_hash:
        return result.broken(result.last_record_id or f"sequence {segment.last}")
    return result


def records_in_order(sealed: QuerySet[AuditRecord], segment: Segment) -> Iterator[dict[str, Any]]:
    """Read by a thousand at a time."""
    after = segment.first - 1
    rows = sealed.filter(sequence_number__lte=segment.last).order_by("sequence_number")
    while True:
        batch = list(rows.filter(sequence_number__gt=after).values(*READ_FIELDS, "record_hash")[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        after = batch[-1]["sequence_number"] or 0


def _fits(record: dict[str, Any], expected: int, previous_hash: str) -> bool:
    stored = (record["sequence_number"], record["previous_hash"], record["record_hash"])
    return bool(stored == (expected, previous_hash, record_hash(record)))


def _was_reaped(head: AuditHead, expected: int, record: dict[str, Any]) -> bool:
    """Whether the reaper took the records in between while this check ran."""
    head.refresh_from_db()
    first_left: int = head.reaped_sequence + 1
    return expected < first_left == int(record["sequence_number"])


def _check_outside(sealed: QuerySet[AuditRecord], head: AuditHead, result: Verification) -> None:
    """Nothing may carry a number that was reaped, or one that was never given."""
    # Compared within one statement: what the relay seals meanwhile must not be taken for an intruder.
    stand = AuditHead.objects.filter(pk=head.pk)
    reaped, last = Subquery(stand.values("reaped_sequence")), Subquery(stand.values("sequence_number"))
    outside = sealed.filter(Q(sequence_number__lte=reaped) | Q(sequence_number__gt=last))
    intruder = outside.order_by("sequence_number").values_list("pk", flat=True).first()
    if intruder is not None:
        result.broken(str(intruder))
