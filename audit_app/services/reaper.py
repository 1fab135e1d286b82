"""Deletes what retention policies no longer keep, in small batches, and stream events past their time.

Each app lists what it can reap in its `parts.py`. A batch runs in one transaction that holds the policy's row, so a
compliance hold that somebody sets stops the very next batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile

import structlog
from django.conf import settings
from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.registry import Registry
from acteon_site.base.tidying import TIDIES
from audit_app.compliance import audit_ttl_at_least, let_reaper_delete
from audit_app.models import AuditHead, AuditRecord, Event, RelayHead, RetentionPolicy
from audit_app.services.counters import counters_add
from audit_app.services.legal_holds import held_events, held_of, holds_standing

log = structlog.get_logger()
BATCH = 500
MOST_BATCHES = 200

Reap = Callable[[RetentionPolicy, datetime, int], int]


@dataclass(frozen=True, slots=True)
class Reaper:
    """`reap(policy, now, batch)` is called until it answers less than `batch`, the rows it deleted.

    It runs inside a transaction, deletes at most `batch` rows, and leaves orders that `held_of` names.
    `counter` counts them.
    """

    name: str
    reap: Reap
    counter: str = "retention_deleted_state"


REAPERS: Registry[Reaper] = Registry("reaper")


def reap() -> int:
    """One pass over all policies and the stream; gives how many rows it deleted.

    An error in one kind stops only that kind.
    """
    now = db_now()
    deleted = _guarded("stream", lambda: _reap_stream(now))
    for tidy in TIDIES.values():
        deleted += _guarded(tidy.name, partial(_in_batches, partial(tidy.call, now, BATCH)))
    for policy in RetentionPolicy.objects.filter(enabled=True).order_by("namespace", "tenant"):
        if policy.compliance_hold or held_of(policy.namespace, policy.tenant).everything:
            counters_add(amounts={("retention_skipped_compliance", ""): 1})
            continue
        for reaper in REAPERS.values():
            deleted += _reap_kind(policy, reaper, now)
    return deleted


def _reap_kind(policy: RetentionPolicy, reaper: Reaper, now: datetime) -> int:
    return _guarded(reaper.name, lambda: _in_batches(lambda: _reap_batch(policy, reaper, now)))


def _reap_batch(policy: RetentionPolicy, reaper: Reaper, now: datetime) -> int:
    with transaction.atomic():
        in_force = RetentionPolicy.objects.select_for_update(skip_locked=True).filter(
            pk=policy.pk, enabled=True, compliance_hold=False
        )
        locked = in_force.first()
        if locked is None:
            return 0
        if held_of(locked.namespace, locked.tenant).everything:
            return 0
        # Looked at again: the policy may be older than the mode. Never stored.
        locked.audit_ttl_seconds = audit_ttl_at_least(locked.audit_ttl_seconds)
        let_reaper_delete()
        deleted = reaper.reap(locked, now, BATCH)
        counters_add(amounts={(reaper.counter, ""): deleted})
        return deleted


def _in_batches(batch: Callable[[], int]) -> int:
    total = 0
    for _ in range(MOST_BATCHES):
        deleted = batch()
        total += deleted
        if deleted < BATCH:
            break
    return total


def _guarded(name: str, work: Callable[[], int]) -> int:
    try:
        return work()
    except Exception as error:  # one kind's trouble must not keep the others' data for ever
        log.error("reap_failed", kind=name, error=type(error).__name__, exc_info=error)
        counters_add(amounts={("retention_errors", ""): 1})
        return 0


def reap_audit(policy: RetentionPolicy, now: datetime, batch: int) -> int:
    """Remove the oldest sealed records of a tenant, and note in the head how far the chain was removed.

    A record that is held, by its order or its time, keeps all that come after it: what is left of the chain is whole.
    """
    if policy.audit_ttl_seconds is None:
        return 0
    scope = {"namespace": policy.namespace, "tenant": policy.tenant}
    head = AuditHead.objects.select_for_update().filter(**scope).first()
    if head is None:
        return 0
    oldest = AuditRecord.objects.filter(**scope, sequence_number__gt=head.reaped_sequence)
    rows = oldest.order_by("sequence_number").values_list(
        "id", "sequence_number", "record_hash", "dispatched_at", "action_id"
    )
    cutoff = now - timedelta(seconds=policy.audit_ttl_seconds)
    held = held_of(policy.namespace, policy.tenant)
    # A prefix only: the chain that is left must stay whole, so a younger record keeps what comes after it.
    may_go = takewhile(lambda row: row[3] < cutoff and not held.keeps(row[4], row[3]), rows[:batch])
    expired = list(may_go)
    if expired:
        AuditRecord.objects.filter(pk__in=[row[0] for row in expired]).delete()
        head.reaped_sequence, head.reaped_hash = expired[-1][1] or 0, expired[-1][2] or ""
        head.save(update_fields=["reaped_sequence", "reaped_hash"])
    return len(expired)


def _reap_stream(now: datetime) -> int:
    cutoff = now - timedelta(seconds=settings.STREAM_RETENTION_SECONDS)
    return _in_batches(lambda: _reap_events(cutoff))


@transaction.atomic
def _reap_events(cutoff: datetime) -> int:
    old = Event.objects.filter(created_at__lt=cutoff, number__isnull=False)
    for policy in RetentionPolicy.objects.filter(enabled=True, compliance_hold=True):
        old = old.exclude(namespace=policy.namespace, tenant=policy.tenant)
    for hold in holds_standing():
        old = old.exclude(held_events(hold))
    rows = list(old.order_by("created_at").values_list("id", "number")[:BATCH])
    if rows:
        highest = max(number or 0 for _, number in rows)
        RelayHead.objects.filter(pk=1, reaped_event_number__lt=highest).update(reaped_event_number=highest)
        Event.objects.filter(pk__in=[row[0] for row in rows]).delete()
    return len(rows)
