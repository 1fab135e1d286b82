"""Numbering, sealing and counting by the relay."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit_app import selectors
from audit_app.models import AuditHead, AuditRecord, Event, RelayHead
from audit_app.services import relay as relaying
from audit_app.services import wake
from audit_app.services.journal import Journal, Subject
from audit_app.services.relay import relay
from tests.audit_app.conftest import CALLER, SHOP, STRANGER, note

pytestmark = pytest.mark.django_db


def numbers(model: Any) -> list[int]:
    return list(model.objects.order_by("number").values_list("number", flat=True))


def test_numbers_are_given_without_gaps_in_the_order_of_ids() -> None:
    for _ in range(5):
        note()
    assert relay() == 10
    note()
    relay()
    assert numbers(Event) == [1, 2, 3, 4, 5, 6]
    by_id = list(Event.objects.order_by("id").values_list("number", flat=True))
    assert by_id == [1, 2, 3, 4, 5, 6]


def test_relaying_again_changes_nothing() -> None:
    note()
    relay()
    before = list(AuditRecord.objects.values())
    assert relay() == 0
    assert list(AuditRecord.objects.values()) == before


def test_each_tenant_has_a_chain_of_its_own() -> None:
    note(SHOP)
    note(STRANGER)
    note(SHOP)
    relay()
    first, second = AuditRecord.objects.filter(tenant="acme-store").order_by("sequence_number")
    (alone,) = AuditRecord.objects.filter(tenant="other-store")
    assert (first.sequence_number, second.sequence_number, alone.sequence_number) == (1, 2, 1)
    assert (first.previous_hash, second.previous_hash) == ("", first.record_hash)
    assert alone.previous_hash == ""
    head = AuditHead.objects.get(tenant="acme-store")
    assert (head.sequence_number, head.record_hash) == (2, second.record_hash)


def test_the_number_of_statements_does_not_grow_with_the_batch() -> None:
    def statements(rows: int) -> int:
        for index in range(rows):
            note(Subject("ns", f"tenant-{index % 7}", "p", "t", "a"))
        with CaptureQueriesContext(
            connection,
        ) as caught:
            relay()
        return len(caught)

    statements(1)
    assert statements(40) == statements(7)


def test_more_than_a_batch_is_relayed_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "BATCH", 3)
    for _ in range(10):
        note()
    assert relay() == 20
    assert numbers(AuditRecord) == list(range(1, 11))
    assert RelayHead.objects.get().event_number == 10


def test_totals_are_folded_once() -> None:
    note(outcome="executed", chain_id="01900000-0000-7000-8000-000000000001")
    note(outcome="suppressed", verdict="deny")
    note(outcome="executed", verdict_details={"release": "approval"})
    note(outcome="executed", verdict_details={"quota": "warn"})
    called = {"called": "charge_card", "chain_name": "order-processing", "step": "charge"}
    note(outcome="chain_step_completed", verdict="chain", outcome_details=called, duration_ms=120)
    failed = {**called, "error": {"code": "TIMEOUT", "message": "late"}, "duration_us": 4_900}
    note(outcome="chain_step_retrying", verdict="chain", outcome_details=failed, duration_ms=5)
    skipped = {**failed, "duration_us": "[REDACTED]", "fallback_for": "warehouse"}
    note(outcome="chain_step_skipped", verdict="chain", outcome_details=skipped, duration_ms=80)
    note(outcome="chain_step_failed", verdict="chain", outcome_details={"incident": "fallback_review"})
    note(
        outcome="failed",
        outcome_details={"attempts": 3, "calls": [["payment-gateway", 0, 2], ["second", 0, 1]]},
    )
    note(
        outcome="executed", outcome_details={"calls": [["payment-gateway", "[REDACTED]", 1]], "fallbacks": 1}
    )
    note(outcome="chain_completed", verdict="chain")
    relay()
    relay()
    counted = selectors.counters()
    assert {name: value for name, value in counted.items() if value} == {
        "dispatched": 5,
        "failed": 1,
        "executed": 4,
        "circuit_fallbacks": 2,
        "suppressed": 1,
        "chains_started": 1,
        "chains_completed": 1,
        "quota_warned": 1,
    }
    # A step that worked; one that did not, one whose failure was skipped, and calls of bare actions.
    assert selectors.provider_counters() == {
        "payment-gateway": {"successes": 1, "failures": 5},
        "second": {"successes": 0, "failures": 1},
    }
    times = selectors.step_counters()["order-processing/charge"]
    assert times.seconds == pytest.approx(0.2049)
    assert times.within == {
        **dict.fromkeys(("0.005", "0.01", "0.025", "0.05"), 1),
        "0.1": 2,
        **dict.fromkeys(("0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0", "+Inf"), 3),
    }


def test_every_total_of_the_contract_is_there_from_the_beginning() -> None:
    contract = """dispatched executed deduplicated suppressed rerouted throttled failed pending_approval
        scheduled circuit_open chains_started chains_completed chains_failed chains_cancelled quota_exceeded
        quota_warned quota_degraded quota_notified retention_deleted_state retention_skipped_compliance
        retention_errors"""
    assert set(contract.split()) <= selectors.counters().keys()


@pytest.mark.django_db(transaction=True)
def test_listeners_that_cannot_be_woken_do_not_fail_the_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object) -> None:
        raise ConnectionError("no Redis")

    monkeypatch.setattr(wake, "send_event", broken)
    note()
    assert relay() == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_twenty_writers_and_two_relays_leave_no_gap_and_no_double(in_threads: Any) -> None:
    seen: list[int] = []

    def writer() -> None:
        for _ in range(10):
            note()

    def relayer() -> None:
        for _ in range(60):
            relay()
            # What a stream has read up to N must stay complete up to N.
            numbered = Event.objects.filter(number__isnull=False).order_by("number")
            shown = list(numbered.values_list("number", flat=True))
            assert shown == list(range(1, len(shown) + 1))
            seen.append(len(shown))

    in_threads([writer] * 20 + [relayer] * 2)
    relay()
    assert numbers(Event) == list(range(1, 201))
    assert numbers(AuditRecord) == list(range(1, 201))
    sequence = AuditRecord.objects.order_by("sequence_number").values_list("sequence_number", flat=True)
    assert list(sequence) == list(range(1, 201))
    assert max(seen) > 0


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_late_gets_a_later_number(in_threads: Any) -> None:
    with transaction.atomic():
        late = Journal(CALLER)
        late.event("timeout", SHOP, fingerprint="late")
        late.write()
        in_threads([note, relay])
        in_threads([relay])
        assert Event.objects.get(type="action_dispatched").number == 1
    relay()
    assert Event.objects.get(type="timeout").number == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_second_relay_steps_aside_instead_of_waiting(in_threads: Any) -> None:
    note()
    relay()
    note()
    with transaction.atomic():
        RelayHead.objects.select_for_update().get()
        assert in_threads([relay]) == [0]
    assert relay() == 2
