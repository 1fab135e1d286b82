"""Retention: what goes, what stays, and who says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from acteon_site.base.registry import Hook, Registry
from audit_app import selectors
from audit_app.models import AuditRecord, Event, RelayHead, RetentionPolicy
from audit_app.services import reaper
from audit_app.services.relay import relay
from tests.audit_app.conftest import SHOP, STRANGER, note

pytestmark = pytest.mark.django_db
DAY = 86_400


@pytest.fixture(autouse=True)
def _only_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other apps list in their parts is tested with them."""
    alone: Registry[reaper.Reaper] = Registry("reaper")
    alone.add(reaper.REAPERS["audit"])
    monkeypatch.setattr(reaper, "REAPERS", alone)
    monkeypatch.setattr(reaper, "TIDIES", Registry("tidy"))


def policy(**values: Any) -> RetentionPolicy:
    values = {"namespace": "ecommerce", "tenant": "acme-store", "audit_ttl_seconds": 14 * DAY, **values}
    return RetentionPolicy.objects.create(**values)


def old(days: int, subject: Any = SHOP) -> None:
    note(subject, dispatched_at=timezone.now() - timedelta(days=days))


def left() -> int:
    return AuditRecord.objects.filter(tenant="acme-store").count()


def test_records_past_their_time_go_and_younger_ones_stay() -> None:
    for days in (20, 15, 13, 1):
        old(days)
    relay()
    policy()
    reaper.reap()
    assert left() == 2
    assert selectors.counters()["retention_deleted_audit"] == 2


def test_many_go_in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "BATCH", 3)
    for _ in range(10):
        old(20)
    old(1)
    relay()
    policy()
    reaper.reap()
    assert left() == 1


def test_without_a_policy_nothing_is_deleted() -> None:
    old(5000)
    old(5000, STRANGER)
    relay()
    policy(tenant="other-store", audit_ttl_seconds=None)
    reaper.reap()
    assert AuditRecord.objects.count() == 2


def test_a_policy_touches_no_other_tenant() -> None:
    old(20, STRANGER)
    relay()
    policy()
    reaper.reap()
    assert AuditRecord.objects.count() == 1


@pytest.mark.parametrize("setting", [{"compliance_hold": True}, {"enabled": False}])
def test_held_and_disabled_policies_delete_nothing(setting: dict[str, bool]) -> None:
    old(20)
    relay()
    policy(**setting)
    reaper.reap()
    assert left() == 1
    assert selectors.counters()["retention_skipped_compliance"] == int("compliance_hold" in setting)


def test_a_hold_set_meanwhile_stops_the_next_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "BATCH", 2)
    calls = []

    def function(held: RetentionPolicy, now: datetime, batch: int) -> int:
        calls.append(held.tenant)
        RetentionPolicy.objects.update(compliance_hold=True)
        return batch

    reaper.REAPERS.add(reaper.Reaper("runs", function))
    policy()
    reaper.reap()
    assert calls == ["acme-store"]
    assert selectors.counters()["retention_deleted_state"] == 2


def test_trouble_in_one_kind_is_counted_and_skips_only_it() -> None:
    def broken(held: RetentionPolicy, now: datetime, batch: int) -> int:
        list(AuditRecord.objects.raw("SELECT * FROM nowhere"))
        return 0

    def fine(held: RetentionPolicy, now: datetime, batch: int) -> int:
        return 1

    reaper.REAPERS.add(reaper.Reaper("broken", broken))
    reaper.REAPERS.add(reaper.Reaper("fine", fine, "retention_deleted_events"))
    policy()
    reaper.reap()
    counted = selectors.counters()
    assert (counted["retention_errors"], counted["retention_deleted_events"]) == (1, 1)


def test_what_expires_by_itself_goes_whatever_the_policies_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "BATCH", 2)
    left = [2, 2, 1]
    reaper.TIDIES.add(Hook("keys", lambda now, batch: left.pop(0)))
    assert reaper.reap() == 5


def test_stream_events_go_after_their_day_and_leave_their_numbers() -> None:
    note()
    note()
    relay()
    Event.objects.filter(number=1).update(created_at=timezone.now() - timedelta(days=2))
    note()
    Event.objects.filter(number=None).update(created_at=timezone.now() - timedelta(days=2))
    reaper.reap()
    assert set(Event.objects.values_list("number", flat=True)) == {2, None}
    assert RelayHead.objects.get().reaped_event_number == 1
    relay()
    assert set(Event.objects.values_list("number", flat=True)) == {2, 3}


def test_stream_events_of_a_held_tenant_stay() -> None:
    note(SHOP)
    note(STRANGER)
    relay()
    Event.objects.update(created_at=timezone.now() - timedelta(days=2))
    policy(compliance_hold=True)
    reaper.reap()
    assert [event.tenant for event in Event.objects.all()] == ["acme-store"]
