"""The patrol finds a changed record by itself, and goes on round after round."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit_app import metrics
from audit_app.models import AuditHead, AuditRecord
from audit_app.services import patrol as patrolling
from audit_app.services.patrol import patrol
from audit_app.services.relay import relay
from audit_app.services.verify import Verification
from tests.audit_app.conftest import SHOP, STRANGER, note

pytestmark = pytest.mark.django_db


@pytest.fixture
def twelve() -> list[AuditRecord]:
    for _ in range(12):
        note(SHOP)
    note(STRANGER)
    relay()
    return list(AuditRecord.objects.filter(tenant="acme-store").order_by("sequence_number"))


def head() -> AuditHead:
    return AuditHead.objects.get(tenant="acme-store")


def broken() -> float:
    return metrics.backlog()["audit_chains_broken"]


def test_a_whole_chain_is_walked_in_parts_and_then_anew(twelve: list[AuditRecord]) -> None:
    reached = []
    for _ in range(8):
        patrol(records=5)
        reached.append(head().patrolled_sequence)
    ends = reached.index(12)
    assert reached[:ends] == sorted(reached[:ends])
    assert min(reached[ends:]) < 12, "a new round"
    assert broken() == 0


def test_a_changed_record_is_found_and_told_until_a_whole_check_finds_none(twelve: list[AuditRecord]) -> None:
    victim = AuditRecord.objects.filter(pk=twelve[7].pk)
    victim.update(outcome="failed")
    for _ in range(4):
        patrol(records=6)
    assert (head().broken_at, broken()) == (str(twelve[7].pk), 1)
    with pytest.raises(CommandError, match="1 of 2"):
        call_command("verify_audit", stdout=StringIO())
    victim.update(outcome=twelve[7].outcome)
    patrol()
    assert broken() == 1, "a part that is whole says nothing of the rest"
    call_command("verify_audit", stdout=StringIO())
    assert broken() == 0


def test_a_record_that_was_removed_is_found(twelve: list[AuditRecord]) -> None:
    AuditRecord.objects.filter(pk=twelve[-1].pk).delete()
    patrol()
    assert head().broken_at == "sequence 12"


def test_what_the_reaper_takes_meanwhile_is_no_finding(
    twelve: list[AuditRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    AuditHead.objects.filter(pk=head().pk).update(patrolled_sequence=6)
    real = patrolling.segment_verify
    calls: list[int] = []

    def reaped_under_its_eyes(stale: AuditHead, **span: Any) -> Verification:
        if not calls and stale.tenant == "acme-store":
            calls.append(1)
            AuditRecord.objects.filter(tenant="acme-store", sequence_number__lte=6).delete()
            AuditHead.objects.filter(pk=stale.pk).update(reaped_sequence=6, reaped_hash=twelve[5].record_hash)
        return real(stale, **span)

    monkeypatch.setattr(patrolling, "segment_verify", reaped_under_its_eyes)
    patrol()
    assert calls
    assert broken() == 0
