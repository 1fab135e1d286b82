"""Walks the hash chains in the background, a few records a minute, so that somebody hears of a broken one by itself.

A round over a long chain takes days; `manage.py verify_audit` takes minutes, and its result counts as well.
"""

from __future__ import annotations

from django.db.models import F

from acteon_site.base.clock import db_now
from audit_app.models import AuditHead
from audit_app.services.verify import Verification, segment_verify

RECORDS = 1000  # in one pass, of all chains together
CHAINS = 20


def patrol(*, records: int = RECORDS) -> int:
    """One pass: a part of each of the chains that were not looked at for longest. Answers how many records it read."""
    read = 0
    for head in AuditHead.objects.order_by(F("patrolled_at").asc(nulls_first=True), "id")[:CHAINS]:
        if read >= records:
            break
        read += _patrol(head, records - read)
    return read


def _patrol(head: AuditHead, most: int) -> int:
    after = max(head.patrolled_sequence, head.reaped_sequence)
    if after >= head.sequence_number:
        after = head.reaped_sequence  # a new round
    result = segment_verify(head, after=after, at_most=most)
    if not result.valid:
        # The reaper may have taken the record before the first one meanwhile: only what is found twice is told.
        head.refresh_from_db()
        result = segment_verify(head, after=after, at_most=most)
    mine = AuditHead.objects.filter(pk=head.pk)
    if result.valid:
        mine.update(patrolled_at=db_now(), patrolled_sequence=after + result.records_checked)
    else:
        broken = (result.first_broken_at or "")[:64]
        mine.update(patrolled_at=db_now(), patrolled_sequence=head.sequence_number, broken_at=broken)
    return result.records_checked + 1


def verification_note(*, namespace: str, tenant: str, result: Verification) -> None:
    """Keep what a check of a whole chain has found: it clears what the patrol found before, or says it first."""
    found = "" if result.valid else (result.first_broken_at or "")[:64]
    heads = AuditHead.objects.filter(namespace=namespace, tenant=tenant).exclude(broken_at=found)
    heads.update(broken_at=found)
