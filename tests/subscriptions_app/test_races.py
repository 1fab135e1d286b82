"""Two that fan out, two that send, and real threads between them: on PostgreSQL, where rows are locked."""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from typing import Any

import pytest

from audit_app.services.relay import relay
from subscriptions_app.models import Delivery, DeliveryAttempt
from subscriptions_app.services.courier import Courier, courier, deliveries_send
from subscriptions_app.services.fan_out import events_fan_out
from subscriptions_app.services.heads import stuck
from subscriptions_app.services.subscriptions import subscription_delete, subscription_switch
from tests.chains_app.peer import Peer, respond
from tests.subscriptions_app.receiving import WHO, fan_out, happen, sent, subscribe
from tests.threads import at_once

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
PATIENCE = 120.0


def test_relays_fan_outs_and_senders_at_once_deliver_each_event_once_and_in_order(peer: Peer) -> None:
    subscriptions = [subscribe(peer), subscribe(peer)]
    happen(*(f"act-{number % 7}" for number in range(24)))

    def work() -> None:
        for _ in range(12):
            relay()
            events_fan_out(limit=9)
            deliveries_send(most=15)

    at_once([work, work, work, lambda: happen(*(f"act-{number % 5}" for number in range(24)))])
    sent()
    rows = Delivery.objects.values_list("subscription_id", "event_number")
    assert Counter(rows) == Counter((one.pk, number) for one in subscriptions for number in range(1, 49))
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
    assert DeliveryAttempt.objects.count() == len(peer.said) == 96
    order: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    secrets = dict(Delivery.objects.values_list("pk", "subscription_id"))
    by_id = {f"msg_{pk.hex}": str(owner) for pk, owner in secrets.items()}
    for one in peer.said:
        data = json.loads(one.body)["data"]
        order[by_id[one.headers["webhook-id"]], data["action_id"]].append(int(data["id"]))
    assert all(numbers == sorted(numbers) for numbers in order.values())
    assert not stuck().exists()


def test_a_courier_sends_side_by_side_and_a_slow_one_holds_up_nobody(peer: Peer) -> None:
    let_go = threading.Event()

    def reply(handler: Any) -> None:
        if handler.path == "/slow":
            let_go.wait(PATIENCE)
        respond(handler, 200, b"", {})

    peer.reply = reply
    slow = subscribe(peer.url.replace("/hook", "/slow"), timeout_seconds=30, max_concurrent=2)
    quick = subscribe(peer)
    happen(*(f"act-{number}" for number in range(12)))
    fan_out()
    own = Courier()
    own.ring()
    there = threading.Event()
    try:
        for _ in range(int(PATIENCE * 20)):
            if Delivery.objects.filter(subscription=quick, status="delivered").count() == 12:
                break
            there.wait(0.05)
        assert Delivery.objects.filter(subscription=quick, status="delivered").count() == 12
        assert not Delivery.objects.filter(subscription=slow, status="delivered").exists()
        assert sum(one.path == "/slow" for one in peer.said) == 2
    finally:
        let_go.set()
    assert own.rests(PATIENCE)
    assert Delivery.objects.filter(status="delivered").count() == 24
    assert own.stop(10)


def test_a_courier_that_is_stopped_records_what_comes_back_and_takes_nothing_more(peer: Peer) -> None:
    let_go, came = threading.Event(), threading.Event()

    def reply(handler: Any) -> None:
        came.set()
        let_go.wait(PATIENCE)
        respond(handler, 200, b"", {})

    peer.reply = reply
    subscribe(peer, max_concurrent=1, timeout_seconds=30)
    happen("act-1", "act-2")
    fan_out()
    own = Courier()
    own.ring()
    assert came.wait(PATIENCE)
    stopping = threading.Thread(target=own.stop, args=(PATIENCE,))
    stopping.start()
    let_go.set()
    stopping.join(PATIENCE)
    assert [row.status for row in Delivery.objects.order_by("event_number")] == ["delivered", "pending"]
    assert len(peer.said) == 1


def test_a_subscription_that_is_deleted_or_switched_off_while_it_is_sent_harms_nothing(peer: Peer) -> None:
    gone, off = subscribe(peer), subscribe(peer)
    happen(*(f"act-{number}" for number in range(30)))
    fan_out()
    at_once(
        [
            lambda: [deliveries_send(most=5) for _ in range(20)],
            lambda: [deliveries_send(most=5) for _ in range(20)],
            lambda: subscription_delete(subscription=gone, source=WHO),
            lambda: subscription_switch(subscription=off, on=False, source=WHO),
        ]
    )
    assert set(Delivery.objects.values_list("subscription_id", flat=True)) <= {off.pk}
    subscription_switch(subscription=off, on=True, source=WHO)
    sent()
    assert Delivery.objects.filter(status="delivered").count() == 30
    assert courier().rests(0)
