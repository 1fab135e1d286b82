"""The hash chain gives away whoever edits the trail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit_app.models import AuditHead, AuditRecord, RetentionPolicy
from audit_app.records.sealing import record_hash
from audit_app.services import reaper, verify
from audit_app.services.relay import relay
from audit_app.services.verify import Verification, audit_verify
from tests.audit_app.conftest import SHOP, STRANGER, note

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "BATCH", 3)


@pytest.fixture
def ten() -> list[AuditRecord]:
    for hour in range(10):
        note(
            SHOP, payload={"qty": hour, "price": 1.5, "name": "Zoë"}, dispatched_at=T0 + timedelta(hours=hour)
        )
        note(STRANGER)
    relay()
    return list(AuditRecord.objects.filter(tenant="acme-store").order_by("sequence_number"))


def check(**span: Any) -> Verification:
    return audit_verify(namespace="ecommerce", tenant="acme-store", **span)


def raw(record: AuditRecord, **values: Any) -> None:
    AuditRecord.objects.filter(pk=record.pk).update(**values)


def test_an_untouched_chain_is_whole(ten: list[AuditRecord]) -> None:
    result = check()
    assert result.valid
    assert (result.records_checked, result.unsealed) == (10, 0)
    assert (result.first_record_id, result.last_record_id) == (str(ten[0].pk), str(ten[-1].pk))


def test_who_asked_from_where_cannot_be_written_in_once_a_record_is_sealed(ten: list[AuditRecord]) -> None:
    raw(ten[4], caller_address="198.51.100.9")
    assert check().first_broken_at == str(ten[4].pk)
    raw(ten[4], caller_address="", caller_agent="Firefox")
    assert check().first_broken_at == str(ten[4].pk)


def test_the_unsealed_tail_is_named(ten: list[AuditRecord]) -> None:
    note(SHOP)
    result = check()
    assert result.valid
    assert (result.records_checked, result.unsealed) == (10, 1)


def test_nothing_on_record_is_whole() -> None:
    assert check() == Verification()


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "failed"},
        {"action_payload": {"qty": 5}},
        {"caller_id": "key:other"},
        {"matched_rule": "x"},
        {"dispatched_at": T0},
        {"record_hash": "0" * 64},
        {"previous_hash": "0" * 64},
        {"tenant": "elsewhere"},
    ],
)
def test_a_change_is_found_where_it_was_made(ten: list[AuditRecord], change: dict[str, Any]) -> None:
    raw(ten[4], **change)
    result = check()
    assert not result.valid
    assert result.first_broken_at in (str(ten[4].pk), str(ten[5].pk))


def test_a_change_with_a_fitting_hash_is_found_at_the_next_record(ten: list[AuditRecord]) -> None:
    forged = AuditRecord.objects.filter(pk=ten[4].pk).values().get()
    forged["outcome"] = "suppressed"
    raw(ten[4], outcome="suppressed", record_hash=record_hash(forged))
    assert check().first_broken_at == str(ten[5].pk)


@pytest.mark.parametrize("index", [0, 4, 8])
def test_a_removal_is_found(ten: list[AuditRecord], index: int) -> None:
    ten[index].delete()
    assert check().first_broken_at == str(ten[index + 1].pk)


def test_removing_the_end_is_found(ten: list[AuditRecord]) -> None:
    ten[9].delete()
    assert check().first_broken_at == "sequence 10"


def test_removing_everything_is_found(ten: list[AuditRecord]) -> None:
    AuditRecord.objects.filter(tenant="acme-store").delete()
    assert check().first_broken_at == "sequence 1"


@pytest.mark.parametrize("sequence_number", [0, -3, 11, 500])
def test_an_insertion_beside_the_chain_is_found(ten: list[AuditRecord], sequence_number: int) -> None:
    intruder = AuditRecord.objects.get(pk=ten[3].pk)
    intruder.pk, intruder.number, intruder.sequence_number = None, 999, sequence_number
    intruder.id = AuditRecord._meta.pk.get_default()
    intruder.save(force_insert=True)
    assert check().first_broken_at == str(intruder.pk)


def test_a_span_checks_what_was_dispatched_in_it(ten: list[AuditRecord]) -> None:
    span = {"since": T0 + timedelta(hours=3), "until": T0 + timedelta(hours=6)}
    assert check(**span).records_checked == 4
    raw(ten[8], outcome="failed")
    assert check(**span).valid
    raw(ten[5], outcome="failed")
    assert not check(**span).valid
    assert check(since=T0 + timedelta(days=9)).records_checked == 0


def test_the_chain_stays_whole_after_the_reaper_removed_its_beginning(ten: list[AuditRecord]) -> None:
    policy = RetentionPolicy(namespace="ecommerce", tenant="acme-store", audit_ttl_seconds=3600)
    assert reaper.reap_audit(policy, T0 + timedelta(hours=5, seconds=1), 500) == 5
    result = check()
    assert result.valid
    assert result.records_checked == 5
    assert check(until=T0 + timedelta(hours=6)).records_checked == 2
    AuditRecord.objects.filter(pk=ten[5].pk).delete()
    assert not check().valid


def test_the_reaper_keeps_what_is_not_sealed(ten: list[AuditRecord]) -> None:
    note(SHOP, dispatched_at=T0)
    policy = RetentionPolicy(namespace="ecommerce", tenant="acme-store", audit_ttl_seconds=1)
    assert reaper.reap_audit(policy, T0 + timedelta(days=99), 500) == 10
    assert check() == Verification(unsealed=1)
    relay()
    assert check().records_checked == 1


def test_the_command_tells_of_every_chain(ten: list[AuditRecord]) -> None:
    told = StringIO()
    call_command("verify_audit", stdout=told)
    assert "ecommerce/acme-store: whole, 10 records checked" in told.getvalue()
    assert "2 chains are whole" in told.getvalue()
    raw(ten[2], outcome="failed")
    with pytest.raises(CommandError, match="1 of 1 chains"):
        call_command("verify_audit", "--namespace=ecommerce", "--tenant=acme-store", stdout=told)
    assert f"BROKEN at {ten[2].pk}" in told.getvalue()
    call_command("verify_audit", "--tenant=other-store", stdout=told)


def test_heads_of_scopes_that_look_alike_stay_apart(ten: list[AuditRecord]) -> None:
    assert AuditHead.objects.count() == 2
    assert audit_verify(namespace="ecommerce", tenant="other-store").records_checked == 10
