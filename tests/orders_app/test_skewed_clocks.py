"""Hosts whose clocks differ: what follows from something is numbered after it."""

from __future__ import annotations

import time

import pytest
from uuid_utils.compat import uuid7

from acteon_site.base import ids
from audit_app.models import AuditRecord, Event
from audit_app.services.relay import relay
from chains_app.services.advance import runs_sweep
from tests.world import SCOPE, Shop, order, tag

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]
APART = 5_000_000_000  # nanoseconds


def on_a_host_that_is_ahead(monkeypatch: pytest.MonkeyPatch, nanoseconds: int) -> None:
    """From now on this process makes ids as such a host does."""
    monkeypatch.setattr(ids, "uuid7", lambda: uuid7(nanoseconds=time.time_ns() + nanoseconds))


def test_the_steps_of_an_order_are_numbered_after_its_dispatch_and_before_its_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_host_that_is_ahead(monkeypatch, APART)
    assert tag(shop.place(payload={"order_id": "one"})) == "Executed"
    on_a_host_that_is_ahead(monkeypatch, -APART)
    runs_sweep()
    on_a_host_that_is_ahead(monkeypatch, 0)
    assert shop.put("/v1/events/one/transition", {"to": "confirmed", **SCOPE}).status_code == 200
    relay()
    told = list(Event.objects.order_by("number").values_list("type", flat=True))
    assert told[0] == "action_dispatched"
    assert told[1:-2] == ["chain_step_completed", "chain_advanced"] * 3 + ["chain_step_completed"]
    assert told[-2:] == ["chain_completed", "action_status_changed"]
    steps = Event.objects.filter(type="chain_step_completed").order_by("number")
    assert [event.data["step_index"] for event in steps] == [0, 2, 3, 4]  # the fraud review is not needed
    sealed = list(AuditRecord.objects.order_by("sequence_number").values_list("outcome", flat=True))
    assert sealed == ["executed", *["chain_step_completed"] * 4, "chain_completed", "state_changed"]


def test_the_orders_of_one_batch_are_told_in_its_order_however_many(shop: Shop) -> None:
    shop.batch([order(id=f"a-{number}", payload={"shipping_country": "SY"}) for number in range(60)])
    relay()
    told = list(Event.objects.order_by("number").values_list("action_id", flat=True))
    assert told == [f"a-{number}" for number in range(60)]
    assert {pk.version for pk in Event.objects.values_list("pk", flat=True)} == {7}
