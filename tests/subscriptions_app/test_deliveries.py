"""What is sent to a subscriber, in which order, how often, and what is said of it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.errors import AppError
from audit_app.models import AuditRecord, Event
from chains_app.models import Run
from chains_app.services.providers import provider_save
from subscriptions_app.models import Delivery, DeliveryAttempt, Subscription
from subscriptions_app.schedule import RETRY_SECONDS, seconds_to_wait
from subscriptions_app.services.claiming import deliveries_claim
from subscriptions_app.services.fan_out import events_fan_out
from subscriptions_app.services.heads import stuck
from subscriptions_app.services.recording import results_record
from subscriptions_app.services.replaying import Span, delivery_resend, subscription_replay, subscription_test
from subscriptions_app.services.sending import parcel_send
from subscriptions_app.services.subscriptions import secret_rotate, subscription_switch
from subscriptions_app.services.switching import subscriptions_switch_off
from tests.chains_app.doors import beside
from tests.chains_app.peer import Peer, drip, hang_up, respond
from tests.subscriptions_app.receiving import (
    WHO,
    actions_of,
    fan_out,
    happen,
    later,
    sent,
    subscribe,
    types_of,
    verified,
)

pytestmark = pytest.mark.django_db


def asks(captured: CaptureQueriesContext) -> list[str]:
    """Without the look at versions that every process takes twice a second."""
    return [one["sql"] for one in captured if "configstamp" not in one["sql"]]


Reply = Callable[[BaseHTTPRequestHandler], None]


def test_an_event_arrives_signed_with_the_frame_of_the_stream(peer: Peer) -> None:
    subscription = subscribe(peer)
    happen("act-1")
    assert sent() == 1
    (one,) = peer.said
    body, delivery = json.loads(one.body), Delivery.objects.get()
    event = Event.objects.get()
    assert body["type"] == body["data"]["type"] == "action_dispatched"
    assert body["data"]["id"] == str(event.number)
    assert body["data"]["action_id"] == "act-1"
    assert body["data"]["outcome"] == {"Executed": {}}
    assert body["timestamp"] == body["data"]["timestamp"]
    assert one.headers["webhook-id"] == f"msg_{delivery.pk.hex}"
    assert abs(int(one.headers["webhook-timestamp"]) - time.time()) < 300
    assert one.headers["content-type"] == "application/json"
    assert verified(one, subscription.secrets["current"])
    assert subscription.secrets["current"].removeprefix("whsec_") not in str(one.headers)
    assert delivery.status == "delivered"
    assert delivery.attempts.get().status == 200


def test_only_what_was_asked_for_arrives_and_nothing_of_others(peer: Peer) -> None:
    subscribe(peer, event_types=["chain_*"], action_types=["place_*"])
    subscribe(peer, outcomes=["failed"], providers=["payment-gateway"])
    subscribe(peer, providers=["warehouse"])
    subscribe(peer, enabled=False)
    happen("a")
    happen("b", type_="chain_completed", outcome=None)
    happen("c", outcome={"Failed": {"code": "TIMEOUT"}})
    happen("d", tenant="other-store")
    sent()
    assert sorted(zip(actions_of(peer.said), types_of(peer.said), strict=True)) == [
        ("b", "chain_completed"),
        ("c", "action_dispatched"),
    ]


def test_without_subscribers_nothing_is_asked_and_who_subscribes_hears_from_then_on(peer: Peer) -> None:
    happen("before")
    events_fan_out()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        events_fan_out()
    assert asks(asked) == []
    subscribe(peer)
    happen("after")
    sent()
    assert actions_of(peer.said) == ["after"]


FAULTS: dict[str, Reply] = {
    "an error": lambda handler: respond(handler, 500, b"it broke", {}),
    "a redirect": lambda handler: respond(handler, 302, b"", {"Location": "http://127.0.0.1:1/elsewhere"}),
    "a refusal": lambda handler: respond(handler, 404, b"", {}),
    "a hang-up": hang_up,
    "a drip": drip,
}


def test_whatever_fails_is_sent_again_with_the_same_id_and_bytes(peer: Peer) -> None:
    subscribe(peer, timeout_seconds=1)
    happen("act-1")
    for fault in FAULTS.values():
        peer.reply = fault
        assert sent() == 1
        assert sent() == 0  # not before its time
        later()
    peer.answers(204)
    assert sent() == 1
    assert len(peer.said) == len(FAULTS) + 1
    assert len({(one.headers["webhook-id"], one.body) for one in peer.said}) == 1
    told = list(DeliveryAttempt.objects.values_list("number", "success", "status", "error", "answer"))
    assert told == [
        (1, False, 500, "HTTP 500", "it broke"),
        (2, False, 302, "HTTP 302: redirects are not followed", ""),
        (3, False, 404, "HTTP 404", ""),
        (4, False, None, "CONNECTION: the connection broke", ""),
        (5, False, None, "TIMEOUT: no answer in time", ""),
        (6, True, 204, "", ""),
    ]
    assert Subscription.objects.get().failing_since is None


def test_what_the_host_leads_to_inside_is_never_called(peer: Peer, settings: Any) -> None:
    subscribe(f"http://localhost:{peer.port}/hook")
    settings.OUTBOUND_ALLOW = []
    happen("act-1")
    sent()
    assert peer.said == []
    assert "not on the public internet" in DeliveryAttempt.objects.get().error


def test_events_of_an_order_wait_for_the_earlier_ones_and_other_orders_do_not(peer: Peer) -> None:
    subscribe(peer, name="ordered")
    peer.reply = lambda handler: respond(handler, 500 if peer.said[-1].body.count(b"slow") else 200, b"", {})
    happen("slow", "quick", "slow", "quick", "slow")
    sent()
    assert sorted(actions_of(peer.said)) == ["quick", "quick", "slow"]
    for _ in RETRY_SECONDS:
        later()
        sent()
    assert [row.status for row in Delivery.objects.order_by("event_number") if "slow" in row.order_key] == [
        *("failed", "pending", "pending")
    ]
    peer.answers(200)
    later()
    sent()
    slow = [one for one in peer.said if b"slow" in one.body]
    numbers = [int(json.loads(one.body)["data"]["id"]) for one in slow]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 3
    assert not stuck().exists()


def test_the_pauses_grow_to_hours_with_some_chance_in_them_and_then_it_is_given_up() -> None:
    waits = [seconds_to_wait(tries, None) or 0 for tries in range(1, len(RETRY_SECONDS) + 1)]
    assert all(planned <= wait <= 1.2 * planned for planned, wait in zip(RETRY_SECONDS, waits, strict=True))
    assert seconds_to_wait(len(RETRY_SECONDS) + 1, None) is None
    assert len({seconds_to_wait(3, None) for _ in range(20)}) > 1
    assert (seconds_to_wait(1, 3000) or 0) >= 3000


def test_who_asks_for_a_pause_gets_it_for_all_its_deliveries(peer: Peer) -> None:
    subscribe(peer)
    peer.answers(429, headers={"Retry-After": "3000"})
    happen("act-1")
    sent()
    happen("act-2")
    assert sent() == 0
    row, now = Delivery.objects.get(event_number=1), timezone.now()
    assert row.due_at is not None
    assert row.due_at > now + timedelta(seconds=2900)
    peer.answers(200)
    later()
    assert sent() == 2


def test_410_switches_off_at_once_and_says_so(peer: Peer) -> None:
    subscription = subscribe(peer)
    peer.answers(410)
    happen("act-1", "act-2")
    sent()
    subscription.refresh_from_db()
    assert (subscription.enabled, subscription.disabled_reason) == (False, "gone")
    row = AuditRecord.objects.filter(action_id=str(subscription.pk)).latest("id")
    assert row.outcome_details["change"] == "switched off"
    assert row.outcome_details["reason"] == "gone"
    said = len(peer.said)
    happen("act-3")
    assert sent() == 0
    assert len(peer.said) == said


def test_who_fails_for_days_is_switched_off_with_a_notice_and_goes_on_once_enabled(peer: Peer) -> None:
    provider_save(spec={"name": "mails", "type": "log"}, actor="tests")
    config_versions.reset()
    subscription = subscribe(peer, notify_provider="mails")
    peer.answers(500)
    happen("act-1")
    sent()
    assert subscriptions_switch_off() == 0
    Subscription.objects.update(failing_since=timezone.now() - timedelta(days=3, seconds=1))
    assert subscriptions_switch_off() == 1
    subscription.refresh_from_db()
    assert (subscription.enabled, subscription.disabled_reason) == (False, "failing")
    notice = Run.objects.get()
    assert (notice.kind, notice.spec["steps"][0]["provider"]) == ("notice", "mails")
    assert "was switched off" in notice.origin["payload"]["text"]
    happen("meanwhile")
    later()
    assert sent() == 0
    subscription_switch(subscription=subscription, on=True, source=WHO)
    peer.answers(200)
    happen("afterwards")
    later()
    sent()
    assert sorted(actions_of(peer.said)) == ["act-1", "act-1", "afterwards"]


def test_both_secrets_sign_until_the_grace_is_over(peer: Peer) -> None:
    subscription = subscribe(peer)
    old = subscription.secrets["current"]
    rotated = secret_rotate(subscription=subscription, source=WHO, grace_seconds=3600)
    new = rotated.secrets["current"]
    with pytest.raises(AppError, match="signs until"):  # a second click
        secret_rotate(subscription=subscription, source=WHO)
    happen("act-1")
    sent()
    assert verified(peer.said[-1], old)
    assert verified(peer.said[-1], new)
    Subscription.objects.update(previous_until=timezone.now())
    happen("act-2")
    sent()
    assert verified(peer.said[-1], new)
    assert not verified(peer.said[-1], old)


def test_a_process_that_dies_between_send_and_record_sends_the_same_id_again(peer: Peer) -> None:
    subscribe(peer)
    happen("act-1", "act-1")
    fan_out()
    (parcel,) = deliveries_claim({}, 10)
    lost = beside(parcel_send(parcel))  # and it dies: nothing is recorded
    assert sent() == 0  # its lease stands, and the second one waits behind it
    later(120)
    assert sent() == 2
    ids = [one.headers["webhook-id"] for one in peer.said]
    assert ids[0] == ids[1] != ids[2]
    # A late record of the first changes nothing.
    before = list(Delivery.objects.values())
    results_record([lost])
    assert list(Delivery.objects.values()) == before
    assert DeliveryAttempt.objects.count() == 2


def test_a_test_and_a_resend_go_out_at_once(peer: Peer) -> None:
    subscription = subscribe(peer, event_types=["chain_completed"])
    subscription_test(subscription=subscription, source=WHO)
    sent()
    assert types_of(peer.said) == ["subscription_test"]
    (delivery,) = Delivery.objects.all()
    delivery_resend(delivery=delivery, source=WHO)
    sent()
    assert peer.said[0].headers["webhook-id"] == peer.said[1].headers["webhook-id"]
    assert Delivery.objects.get().attempts_made == 2


def test_a_span_is_replayed_in_order_with_what_came_while_it_was_off(peer: Peer) -> None:
    subscription = subscribe(peer)
    happen("a", "b", "a")
    sent()
    subscription_switch(subscription=subscription, on=False, source=WHO)
    happen("a", "c")
    subscription_switch(subscription=subscription, on=True, source=WHO)
    del peer.said[:]
    now = timezone.now()
    span = Span(now - timedelta(hours=1), now + timedelta(hours=1))
    found = subscription_replay(subscription=subscription, span=span, source=WHO)
    assert (found.again, found.made, found.next_from) == (3, 2, None)
    sent()
    assert sorted(actions_of(peer.said)) == ["a", "a", "a", "b", "c"]
    of_a = [json.loads(one.body)["data"]["id"] for one in peer.said if b'"a"' in one.body]
    assert of_a == sorted(of_a)
    assert Delivery.objects.count() == Event.objects.count() == 5
    failed = Span(span.begin, span.end, only_failed=True)
    assert subscription_replay(subscription=subscription, span=failed, source=WHO).again == 0
    Delivery.objects.filter(order_key="action:b").update(status="failed")
    assert subscription_replay(subscription=subscription, span=failed, source=WHO).again == 1


def test_every_event_has_one_delivery_for_each_subscription_that_wants_it(peer: Peer) -> None:
    """Against a naive count, with sets of chance and subscriptions that come and go."""
    chance, expected = random.Random(7), set()
    kinds = ("action_dispatched", "chain_completed", "approval_required")
    standing: list[Subscription] = []
    for _ in range(12):
        if chance.random() < 0.6:
            standing.append(subscribe(peer, event_types=chance.sample(kinds, 2)))
        type_ = chance.choice(kinds)
        before = Event.objects.count()
        happen(*(f"act-{chance.randint(1, 4)}" for _ in range(chance.randint(1, 9))), type_=type_)
        numbers = range(before + 1, Event.objects.count() + 1)
        expected |= {(one.pk, number) for one in standing if type_ in one.event_types for number in numbers}
        if chance.random() < 0.7:
            events_fan_out(limit=chance.randint(1, 12))
    fan_out()
    assert set(Delivery.objects.values_list("subscription_id", "event_number")) == expected
    # One of each line is due, whatever came before what.
    lines = set(Delivery.objects.values_list("subscription_id", "order_key"))
    assert Delivery.objects.filter(due_at__isnull=False).count() == len(lines)


def test_a_slow_subscriber_holds_up_nobody(peer: Peer) -> None:
    slow, quick = subscribe(peer, max_concurrent=3), subscribe(peer)
    happen(*(f"act-{number}" for number in range(40)))
    fan_out()
    Delivery.objects.filter(subscription=slow).update(due_at=timezone.now() - timedelta(hours=1))
    first = deliveries_claim({}, 100)
    assert [parcel.subscription_id for parcel in first].count(slow.pk) == 3
    assert [parcel.subscription_id for parcel in first].count(quick.pk) == quick.max_concurrent
    assert deliveries_claim({slow.pk: 3, quick.pk: 10}, 100) == []


def test_the_number_of_statements_does_not_grow_with_the_set(peer: Peer) -> None:
    subscribe(peer, max_concurrent=50)

    def statements(count: int, base: str) -> tuple[int, int]:
        happen(*(f"{base}-{number}" for number in range(count)))
        with CaptureQueriesContext(connection) as fanned:
            events_fan_out()
        with CaptureQueriesContext(connection) as sending:
            assert sent() == count
        return len(asks(fanned)), len(asks(sending))

    happen("first")
    sent()
    assert statements(2, "few") == statements(30, "many")
