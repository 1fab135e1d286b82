"""Subscriptions that are changed, switched and replayed while things happen."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.errors import AppError
from acteon_site.config_files.load import load_paths
from audit_app.models import RetentionPolicy
from audit_app.services.reaper import reap
from subscriptions_app.models import Delivery, DeliveryAttempt, Subscription
from subscriptions_app.schedule import RETRY_SECONDS
from subscriptions_app.services import fan_out as fan_out_module
from subscriptions_app.services.claiming import deliveries_claim
from subscriptions_app.services.heads import stuck
from subscriptions_app.services.recording import results_record
from subscriptions_app.services.replaying import Span, subscription_replay
from subscriptions_app.services.sending import parcel_send
from subscriptions_app.services.subscriptions import subscription_switch, subscription_update
from subscriptions_app.services.switching import subscriptions_switch_off
from tests.chains_app.doors import beside
from tests.chains_app.peer import Peer
from tests.subscriptions_app.receiving import WHO, actions_of, fan_out, happen, sent, subscribe, types_of
from tests.world import NAMESPACE, TENANT

pytestmark = pytest.mark.django_db
FILE = """
subscriptions:
  - namespace: ecommerce
    tenant: acme-store
    name: warehouse
    url: {url}
    enabled: {enabled}
"""


def test_who_stands_behind_what_retention_removes_is_sent_once_the_subscription_is_on_again(
    peer: Peer,
) -> None:
    row = subscribe(peer)
    happen("a")
    happen("a", type_="action_status_changed")
    fan_out()
    subscription_switch(subscription=row, on=False, source=WHO)
    oldest = Delivery.objects.order_by("event_number")[0]
    Delivery.objects.filter(pk=oldest.pk).update(event_at=timezone.now() - timedelta(days=10))
    RetentionPolicy.objects.create(namespace=NAMESPACE, tenant=TENANT, event_ttl_seconds=86_400)
    reap()
    assert Delivery.objects.count() == 1
    assert not stuck().exists()
    subscription_switch(subscription=row, on=True, source=WHO)
    sent()
    assert types_of(peer.said) == ["action_status_changed"]


def test_a_new_address_is_not_blamed_for_what_the_former_one_did(peer: Peer) -> None:
    row = subscribe(f"{peer.url}/former")
    peer.answers(503, b"", {"Retry-After": "80000"})
    happen("a")
    sent()
    Subscription.objects.update(failing_since=timezone.now() - timedelta(days=30))
    subscription_update(subscription=row, changes={"url": f"{peer.url}/mended"}, source=WHO)
    assert subscriptions_switch_off() == 0
    peer.answers(200)
    happen("b")
    assert sent() == 1
    row.refresh_from_db()
    assert (row.failing_since, row.paused_until) == (None, None)


def test_an_answer_of_the_former_address_tells_nothing_of_the_new_one(peer: Peer) -> None:
    row = subscribe(f"{peer.url}/former")
    peer.answers(410)
    happen("a")
    fan_out()
    (parcel,) = deliveries_claim({}, 1)
    gone = beside(parcel_send(parcel))
    subscription_update(subscription=row, changes={"url": f"{peer.url}/mended"}, source=WHO)
    assert results_record([gone]) == set()
    assert subscriptions_switch_off() == 0
    row.refresh_from_db()
    assert row.enabled


@pytest.mark.parametrize("status", [410, 503])
@pytest.mark.parametrize("tries", [1, len(RETRY_SECONDS) + 1])
def test_what_the_former_address_refused_is_sent_to_the_new_one_at_once(
    peer: Peer, status: int, tries: int
) -> None:
    """Also where it was the last attempt that it had."""
    row = subscribe(f"{peer.url}/former")
    peer.answers(status, b"", {"Retry-After": "80000"})
    happen("a", "a")
    fan_out()
    (parcel,) = deliveries_claim({}, 1)
    Delivery.objects.filter(pk=parcel.delivery_id).update(tries=tries)
    refused = beside(parcel_send(parcel))
    subscription_update(subscription=row, changes={"url": f"{peer.url}/mended"}, source=WHO)
    results_record([refused])
    peer.answers(200)
    peer.said.clear()
    assert sent() == 2
    assert {one.path for one in peer.said} == {"/hook/mended"}
    assert [one.status for one in Delivery.objects.order_by("event_number")] == ["delivered"] * 2
    attempts = DeliveryAttempt.objects.order_by("started_at").values_list("status", flat=True)
    assert list(attempts) == [status, 200, 200]
    row.refresh_from_db()
    assert (row.enabled, row.failing_since, row.paused_until) == (True, None, None)


def test_a_shorter_pause_ends_no_longer_one_that_was_asked_for_before(peer: Peer) -> None:
    row = subscribe(peer)
    happen("a", "b")
    fan_out()
    first, second = deliveries_claim({}, 2)
    peer.answers(429, b"", {"Retry-After": "3000"})
    results_record([beside(parcel_send(first))])
    row.refresh_from_db()
    until = row.paused_until
    peer.answers(429, b"", {"Retry-After": "5"})
    results_record([beside(parcel_send(second))])
    row.refresh_from_db()
    assert row.paused_until == until


def test_a_replay_in_several_calls_sends_nothing_twice(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subscriptions_app.services.replaying.MOST", 4)
    row = subscribe(peer)
    begin = timezone.now()
    happen("a", "b", "c")
    sent()
    subscription_switch(subscription=row, on=False, source=WHO)
    happen("d", "e", "f")
    subscription_switch(subscription=row, on=True, source=WHO)
    happen("g", "h", "i")
    sent()
    peer.said.clear()
    span = Span(begin, timezone.now() + timedelta(minutes=1))
    for _ in range(9):
        found = subscription_replay(subscription=row, span=span, source=WHO)
        sent()
        if found.next_from is None:
            break
        span = Span(found.next_from, span.end)
    assert sorted(actions_of(peer.said)) == list("abcdefghi")


def test_who_subscribes_while_a_batch_of_events_is_read_misses_none(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if he had subscribed, and something had happened, between the look at subscribers and that at events."""
    subscribe(peer, name="first", event_types=["timeout"])
    looked = fan_out_module._begin

    def meanwhile(*args: Any) -> int:
        if not Subscription.objects.filter(name="second").exists():
            subscribe(peer, name="second")
            happen("a")
        return looked(*args)

    happen("before")
    monkeypatch.setattr(fan_out_module, "_begin", meanwhile)
    monkeypatch.setattr(fan_out_module, "_something_waits", lambda: True)
    sent()
    assert actions_of(peer.said) == ["a"]


def test_what_happened_while_a_file_had_it_switched_off_does_not_come(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "subscriptions.yaml"

    def loaded(enabled: str) -> None:
        file.write_text(FILE.format(url=peer.url, enabled=enabled))
        load_paths([file], actor="tests")
        config_versions.expire()

    loaded("false")
    happen("meanwhile")
    loaded("true")
    happen("after")
    sent()
    assert actions_of(peer.said) == ["after"]


def test_what_left_the_files_and_came_back_is_on_again(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "subscriptions.yaml"
    file.write_text(FILE.format(url=peer.url, enabled="true"))
    load_paths([tmp_path], actor="tests")
    happen("before")
    sent()
    file.write_text(FILE.format(url=peer.url, enabled="false").replace("warehouse", "another"))
    load_paths([tmp_path], actor="tests")
    row = Subscription.objects.get(name="warehouse")
    assert (row.enabled, row.disabled_at is None) == (False, False)
    happen("meanwhile")
    sent()
    file.write_text(FILE.format(url=peer.url, enabled="true"))
    load_paths([tmp_path], actor="tests")
    row.refresh_from_db()
    assert (row.enabled, row.disabled_at) == (True, None)
    happen("after")
    sent()
    assert actions_of(peer.said) == ["before", "after"]


@pytest.mark.parametrize("port", ["0", "99999", "-1"])
@pytest.mark.parametrize("host", ["8.8.8.8", "shop.example", "[2606:4700::1]"])
def test_a_port_that_there_is_not_is_named(host: str, port: str) -> None:
    with pytest.raises(AppError) as caught:
        subscribe(f"https://{host}:{port}/hook")
    assert [found.field for found in caught.value.details] == ["url"]
