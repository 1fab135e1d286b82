"""Numbers what has been committed, seals the audit records, folds the totals, and wakes the listeners.

A number given at INSERT loses events: a transaction that took a lower one may commit later. So rows are born
without, and one relay at a time gives numbers to what it can see. Hashing needs the order too, and this way
no request waits for another's.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction

from acteon_site.base import spans
from audit_app.models import AuditHead, AuditRecord, Event, RelayHead
from audit_app.records.sealing import record_hash
from audit_app.records.totals import totals
from audit_app.services.counters import counters_add
from audit_app.services.relay_rows import (
    Head,
    Record,
    Scope,
    heads_store,
    records_unsealed,
    seals_store,
)
from audit_app.services.rollups import MOST_DELTAS, gap_note, rollups_fold, rollups_note
from audit_app.services.wake import wake_listeners

BATCH = 500
MOST_BATCHES = 200
# Whoever asks adds up what is not folded: no more than so many records' deltas.
FOLD_AFTER = 50_000

_NUMBER_EVENTS = """
    UPDATE audit_app_event SET number = fresh.number
    FROM (
        SELECT id, %s + ROW_NUMBER() OVER (ORDER BY id) AS number
        FROM (SELECT id FROM audit_app_event WHERE number IS NULL ORDER BY id LIMIT %s) AS waiting
    ) AS fresh
    WHERE audit_app_event.id = fresh.id
"""


@dataclass(frozen=True, slots=True)
class Batch:
    events: int = 0
    records: int = 0
    folds: bool = False

    @property
    def full(self) -> bool:
        return max(self.events, self.records) >= BATCH


def relay() -> int:
    """Number and seal all that is committed; answers how many rows. 0 also while another relay is at work."""
    done = 0
    for _ in range(MOST_BATCHES):
        batch = _relay_batch()
        done += batch.events + batch.records
        if batch.folds:
            rollups_fold()  # in between the reaper does it
        if not batch.full:
            break
    return done


def _relay_batch() -> Batch:
    # Looked at before the lock: an idle relay must not take SQLite's one write lock every second.
    if not _something_waits():
        return Batch()
    began = spans.beginning()
    with transaction.atomic():
        head = _locked_head()
        if head is None:
            return Batch()
        events, records = _number_events(head.event_number), _seal_records(head.audit_number)
        delta = rollups_note(records=records) if records else 1
        batch = Batch(
            events, len(records), delta % MOST_DELTAS == 0 or _much_since(head.audit_number, records)
        )
        if head.rolled_up_number != head.audit_number:  # a relay of an older release was at work
            gap_note(after=head.rolled_up_number, upto=head.audit_number)
        head.event_number += batch.events
        head.audit_number += batch.records
        head.rolled_up_number = head.audit_number
        head.save(update_fields=["event_number", "audit_number", "rolled_up_number"])
        if batch.events:
            transaction.on_commit(lambda: wake_listeners(head.event_number))
    if spans.tracer is not None and (batch.events or batch.records):
        about = {"acteon.events": batch.events, "acteon.records": batch.records}
        spans.tracer.span("relay", (), began=began).end(about)
    return batch


def _much_since(last: int, records: list[Record]) -> bool:
    return last // FOLD_AFTER != (last + len(records)) // FOLD_AFTER


def _something_waits() -> bool:
    return Event.objects.filter(number=None).exists() or AuditRecord.objects.filter(number=None).exists()


def _locked_head() -> RelayHead | None:
    """The head under our lock, or None while another relay holds it."""
    heads = RelayHead.objects.select_for_update(skip_locked=True)
    head = heads.filter(pk=1).first()
    if head is None and not RelayHead.objects.filter(pk=1).exists():
        RelayHead.objects.bulk_create([RelayHead(pk=1)], ignore_conflicts=True)
        head = heads.filter(pk=1).first()
    return head


def _number_events(last: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_NUMBER_EVENTS, [last, BATCH])
        return int(cursor.rowcount)


def _seal_records(last: int) -> list[Record]:
    records = records_unsealed(BATCH)
    if not records:
        return []
    heads = _heads_of({(record["namespace"], record["tenant"]) for record in records})
    for number, record in enumerate(records, start=last + 1):
        scope = record["namespace"], record["tenant"]
        heads[scope] = _seal(record, number, *heads[scope])
    seals_store(records)
    heads_store(heads)
    counters_add(amounts=totals(records))
    return records


def _heads_of(scopes: set[Scope]) -> dict[Scope, Head]:
    """Where each of these chains stands; a new one at zero. Locked, since the reaper writes heads too."""
    namespaces, tenants = zip(*scopes, strict=True)
    locked = AuditHead.objects.select_for_update().filter(namespace__in=namespaces, tenant__in=tenants)
    stand = {
        (namespace, tenant): (number, digest)
        for namespace, tenant, number, digest in locked.order_by("namespace", "tenant").values_list(
            "namespace", "tenant", "sequence_number", "record_hash"
        )
    }
    return {scope: stand.get(scope, (0, "")) for scope in scopes}


def _seal(record: Record, number: int, before: int, digest: str) -> Head:
    """Put the record behind the one before it; it is the head from then on."""
    record.update(number=number, sequence_number=before + 1, previous_hash=digest)
    record["record_hash"] = record_hash(record)
    return before + 1, record["record_hash"]
