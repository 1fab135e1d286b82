"""The live stream, through a real server."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from acteon_site.access.keys import api_key_create, api_key_revoke
from acteon_site.base.principals import SYSTEM
from audit_app.api.views_stream import hub
from audit_app.models import Event, RelayHead
from audit_app.services.journal import Journal, Subject
from audit_app.services.relay import relay
from audit_app.stream import hub as hubs
from audit_app.stream import reading, session
from audit_app.stream.filters import FrameFilter
from audit_app.stream.frames import frame_of
from audit_app.stream.listener import Delivery, Listener
from tests.audit_app.conftest import CALLER, SHOP, STRANGER
from tests.audit_app.serving import Service

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("audit_app.api.urls")]


def key(**scopes: Any) -> str:
    _, secret = api_key_create(name=f"k{time.monotonic_ns()}", role="viewer", **scopes)
    return secret


def tell(
    type_: str = "action_dispatched", subject: Subject = SHOP, *, chain_id: str = "", **data: Any
) -> None:
    with transaction.atomic():
        journal = Journal(CALLER)
        data = data or {
            "outcome": {"Executed": {"status": "success", "body": {"x": 1}, "headers": {"a": "b"}}}
        }
        journal.event(type_, subject, chain_id=chain_id, **data)
        journal.write()


def told(count: int, **more: Any) -> None:
    for _ in range(count):
        tell(**more)
    relay()


def test_a_frame_is_exactly_what_the_contract_says(service: Service) -> None:
    reader = service.read("/v1/stream", X_API_Key=key())
    with transaction.atomic():
        journal = Journal(CALLER)
        answer = {"status": "success", "body": {"card_number": "4111"}, "headers": {"x": "y"}}
        journal.event("action_dispatched", SHOP, outcome={"Executed": answer}, provider="payment-gateway")
        journal.write()
    relay()
    (frame,) = reader.wait_for(1)
    assert (frame.id, frame.event) == ("1", "action_dispatched")
    assert frame.data.pop("timestamp").endswith("Z")
    assert frame.data == {
        "id": "1",
        "type": "action_dispatched",
        "namespace": "ecommerce",
        "tenant": "acme-store",
        "action_type": "place_order",
        "action_id": "order-1",
        "outcome": {"Executed": {"status": "success", "body": None, "headers": {}}},
        "provider": "payment-gateway",
    }


def test_line_separators_in_data_do_not_cut_a_frame(service: Service) -> None:
    reader = service.read("/v1/stream", X_API_Key=key())
    tell("timeout", fingerprint="a\u2028b\nc\x85d")
    relay()
    (frame,) = reader.wait_for(1)
    assert frame.data["fingerprint"] == "a\u2028b\nc\x85d"


def test_links_never_leave(service: Service) -> None:
    reader = service.read("/v1/stream", X_API_Key=key())
    tell("approval_required", approval_id="a1", approve_url="https://x/?sig=1", reject_url="https://x/?sig=2")
    relay()
    (frame,) = reader.wait_for(1)
    assert frame.data["approve_url"] == frame.data["reject_url"] == "[redacted]"


def test_the_relays_ring_brings_events_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "POLL_SECONDS", 60)
    reader = service.read("/v1/stream", X_API_Key=key())
    told(1)
    reader.wait_for(1)


def test_events_arrive_though_nobody_rings(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit_app.services.relay.wake_listeners", lambda number: None)
    reader = service.read("/v1/stream", X_API_Key=key())
    told(3)
    reader.wait_for(3)


def test_a_new_stream_begins_now(service: Service) -> None:
    told(3)
    reader = service.read("/v1/stream", X_API_Key=key())
    told(1)
    reader.wait_for(1)
    time.sleep(0.2)
    assert reader.ids() == [4]


def test_last_event_id_resumes_without_gap_or_repeat(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit_app.stream.reading.PAGE", 7)
    secret = key()
    told(30)
    live = service.read("/v1/stream", X_API_Key=secret)
    resumed = service.read("/v1/stream", X_API_Key=secret, Last_Event_ID="4")
    told(25)
    live.wait_for(25)
    resumed.wait_for(51)
    time.sleep(0.2)
    assert live.ids() == list(range(31, 56))
    assert resumed.ids() == list(range(5, 56))


def test_resuming_while_events_pour_in_loses_and_repeats_none(service: Service) -> None:
    secret = key()
    told(1)
    readers = []
    for _ in range(8):
        readers.append(service.read("/v1/stream", X_API_Key=secret, Last_Event_ID="1"))
        told(20)
    for reader in readers:
        reader.wait_for(160)
        assert reader.ids() == list(range(2, 162))


@pytest.mark.parametrize("given", ["99", "01900000-0000-7000-8000-000000000000", "-1"])
def test_an_id_that_was_never_given_answers_lagged(service: Service, given: str) -> None:
    told(2)
    reader = service.read("/v1/stream", X_API_Key=key(), Last_Event_ID=given)
    told(1)
    first, second = reader.wait_for(2)
    assert (first.event, first.id, first.data) == ("lagged", None, {"skipped": None})
    assert second.id == "3"


def test_an_id_from_before_the_retention_answers_lagged_and_what_is_left(service: Service) -> None:
    told(5)
    Event.objects.filter(number__lte=3).delete()
    RelayHead.objects.update(reaped_event_number=3)
    reader = service.read("/v1/stream", X_API_Key=key(), Last_Event_ID="2")
    assert [frame.event for frame in reader.wait_for(3)] == [
        "lagged",
        "action_dispatched",
        "action_dispatched",
    ]
    assert reader.ids() == [4, 5]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tenant=acme-store", [1, 2, 3]),
        ("namespace=ecommerce&event_type=chain_completed", [2]),
        ("chain_id=c-1", [2]),
        ("outcome=suppressed", [3]),
        ("action_id=order-9", [4]),
        ("action_type=other", []),
        ("tenant=acme-store&action_id=order-9", []),
    ],
)
def test_filters_are_exact_and_all_must_hold(service: Service, query: str, expected: list[int]) -> None:
    told(1)
    tell("chain_completed", chain_id="c-1", status="completed", execution_path=[])
    tell(outcome={"Suppressed": {"rule": "r"}})
    tell(subject=STRANGER)
    tell("timeout", Subject("end", "end"), fingerprint="f")
    relay()
    reader = service.read(f"/v1/stream?{query}", X_API_Key=key(), Last_Event_ID="0")
    end = service.read("/v1/stream?namespace=end", X_API_Key=key(), Last_Event_ID="0")
    end.wait_for(1)
    reader.wait_for(len(expected))
    time.sleep(0.1)
    assert reader.ids() == expected


def test_a_key_sees_its_own_scope_only(service: Service) -> None:
    scoped = service.read("/v1/stream", X_API_Key=key(tenants=["acme-store"]))
    by_type = service.read("/v1/stream", X_API_Key=key(action_types=["refund"]))
    by_provider = service.read("/v1/stream", X_API_Key=key(providers=["warehouse"]))
    everything = service.read("/v1/stream", X_API_Key=key())
    tell(subject=STRANGER)
    tell("circuit_state_changed", Subject("", ""), provider="warehouse", state="open")
    tell()
    tell(subject=Subject("ecommerce", "acme-store", "warehouse", "refund", "r1"))
    relay()
    everything.wait_for(4)
    assert scoped.wait_for(2)[0].id == "3"
    time.sleep(0.2)
    assert scoped.ids() == [3, 4]
    assert by_type.ids() == [4]
    assert by_provider.ids() == [2, 4]


def test_without_a_key_there_is_no_stream(service: Service) -> None:
    reader = service.read("/v1/stream")
    assert reader.status == 401
    assert b'"code": "UNAUTHENTICATED"' in reader.body


def test_revoking_a_key_ends_its_open_streams_at_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "RECHECK_SECONDS", 60)
    api_key, secret = api_key_create(name="short-lived", role="viewer")
    reader = service.read("/v1/stream", X_API_Key=secret)
    other = service.read("/v1/stream", X_API_Key=key())
    told(1)
    reader.wait_for(1)
    api_key_revoke(key=api_key)
    told(3)
    assert reader.ended.wait(30)  # not by the look every minute
    other.wait_for(4)
    assert len(reader.frames) == 1


def test_a_revocation_that_nobody_told_of_is_found_by_looking(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acteon_site.access.keys.tell_revoked", lambda: None)
    api_key, secret = api_key_create(name="short-lived", role="viewer")
    reader = service.read("/v1/stream", X_API_Key=secret)
    api_key_revoke(key=api_key)
    assert reader.ended.wait(30)


def test_who_catches_up_with_a_key_that_falls_is_told_no_more(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 2)
    api_key, secret = api_key_create(name="short-lived", role="viewer")
    told(7)
    read, seen = reading.frames_after, []

    def frames_after(after: int, **more: Any) -> Any:
        seen.append(after)
        if len(seen) == 2:
            api_key_revoke(key=api_key)
        return read(after, **more)

    monkeypatch.setattr(reading, "frames_after", frames_after)
    reader = service.read("/v1/stream", X_API_Key=secret, Last_Event_ID="1")
    assert reader.ended.wait(30)
    assert reader.ids() == [2, 3]


def test_a_key_that_falls_between_pages_of_a_backlog_gets_no_further_page(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "PAGE", 2)
    monkeypatch.setattr(hubs, "RECHECK_SECONDS", 60)
    monkeypatch.setattr("acteon_site.access.keys.tell_revoked", lambda: None)
    api_key, secret = api_key_create(name="short-lived", role="viewer")
    reader = service.read("/v1/stream", X_API_Key=secret)
    other = service.read("/v1/stream", X_API_Key=key())
    read = hubs.frames_after

    def frames_after(after: int, **more: Any) -> Any:
        if after == 2:
            reader.wait_for(2)
            api_key_revoke(key=api_key)
        return read(after, **more)

    monkeypatch.setattr(hubs, "frames_after", frames_after)
    told(5)
    other.wait_for(5)
    assert reader.ended.wait(30)
    assert reader.ids() == [1, 2]


def test_silence_is_filled_with_pings(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PING_SECONDS", 0.1)
    reader = service.read("/v1/stream", X_API_Key=key())
    deadline = time.monotonic() + 30
    while reader.comments <= 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert reader.comments > 3
    assert reader.frames == []


def test_who_leaves_is_forgotten(service: Service) -> None:
    secret = key()
    before = [service.read("/v1/stream", X_API_Key=secret) for _ in range(3)]
    told(1)
    for reader in before:
        reader.wait_for(1)
    assert hub.listening == 3
    for reader in before:
        reader._leave.set()
    told(1)
    deadline = time.monotonic() + 5
    while hub.listening and time.monotonic() < deadline:
        time.sleep(0.05)
    assert hub.listening == 0


def test_the_hub_starts_again_after_it_was_stopped(service: Service) -> None:
    secret = key()
    first = service.read("/v1/stream", X_API_Key=secret)
    told(1)
    first.wait_for(1)
    hub.stop()
    assert first.ended.wait(30)
    second = service.read("/v1/stream", X_API_Key=secret, Last_Event_ID="1")
    told(1)
    second.wait_for(1)
    assert second.ids() == [2]


@pytest.mark.postgres
def test_listeners_hold_no_database_connection(service: Service) -> None:
    def connections() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return int(cursor.fetchone()[0])

    secret = key()
    before = connections()
    readers = [service.read("/v1/stream", X_API_Key=secret) for _ in range(10)]
    told(1)
    for reader in readers:
        reader.wait_for(1)
    time.sleep(0.2)
    # The hub's own, while it looks, and those of threads that place orders or turn runs in this process.
    assert connections() < before + len(readers) // 2


def test_a_slow_listener_is_told_how_much_it_missed() -> None:
    row = {"type": "t", "namespace": "n", "tenant": "t", "provider": "", "action_type": "", "action_id": ""}
    row |= {"chain_id": "", "group_id": "", "data": {}, "created_at": timezone.now()}

    async def slow() -> Delivery:
        listener = Listener(SYSTEM, FrameFilter(), size=3)
        listener.offer([frame_of({**row, "number": number}) for number in range(1, 11)])
        return await listener.next(1)

    delivery = asyncio.run(slow())
    assert delivery.skipped == 7
    assert [frame.number for frame in delivery.frames] == [8, 9, 10]
