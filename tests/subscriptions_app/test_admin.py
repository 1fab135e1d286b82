"""The pages of subscriptions and deliveries: made, tested, switched, rotated, sent again; by whom, and at what cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from subscriptions_app.models import Delivery, Subscription
from tests.chains_app.peer import Peer
from tests.people import People
from tests.subscriptions_app.receiving import happen, sent, subscribe
from tests.world import NAMESPACE, TENANT

pytestmark = pytest.mark.django_db
FORM: dict[str, Any] = {
    "namespace": NAMESPACE,
    "tenant": TENANT,
    "name": "warehouse",
    "url": "https://hooks.example.com/orders",
    "description": "",
    "notify_provider": "",
    "event_types": "chain_*, approval_required",
    "action_types": "",
    "providers": "",
    "outcomes": "",
    "timeout_seconds": "15",
    "max_concurrent": "10",
}


def url(page: str, *args: object, model: str = "subscription") -> str:
    return reverse(f"admin:subscriptions_app_{model}_{page}", args=args)


def test_it_is_made_with_its_secret_shown_once_and_then_changed(people: People) -> None:
    boss = people.client()
    made = boss.post(url("add"), FORM)
    row = Subscription.objects.get()
    assert row.event_types == ["chain_*", "approval_required"]
    assert row.secrets["current"] in made.content.decode()
    assert "no-store" in made.headers["Cache-Control"]
    page = boss.get(url("change", row.pk)).content.decode()
    assert row.secrets["current"] not in page
    assert "chain_*, approval_required" in page
    assert boss.post(url("change", row.pk), {**FORM, "timeout_seconds": "20"}).status_code == 302
    row.refresh_from_db()
    assert (row.timeout_seconds, row.edited_by) == (20, "boss")


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_saved(people: People) -> None:
    wrong = {"event_types": "chain_complete", "url": "http://10.0.0.1/", "timeout_seconds": "99"}
    page = people.client().post(url("add"), {**FORM, **wrong}).content.decode()
    assert "did you mean &quot;chain_completed&quot;?" in page
    assert "not on the public internet" in page
    assert "must be a whole number from 1 to 30" in page
    assert not Subscription.objects.exists()


def test_its_buttons_test_switch_rotate_and_send_again(people: People, peer: Peer) -> None:
    boss, row = people.client(), subscribe(peer)
    boss.post(url("test", row.pk))
    sent()
    assert len(peer.said) == 1
    Delivery.objects.update(status="failed", event_number=1)
    boss.post(url("replay", row.pk))
    assert sent() == 1
    old = row.secrets["current"]
    shown = boss.post(url("rotate", row.pk))
    row.refresh_from_db()
    assert row.secrets["previous"] == old
    assert row.secrets["current"] in shown.content.decode()
    boss.post(url("disable", row.pk))
    row.refresh_from_db()
    assert not row.enabled
    told = boss.post(url("test", row.pk), follow=True).content.decode()
    assert "Nothing was changed: the subscription is switched off" in told
    boss.post(url("enable", row.pk))
    row.refresh_from_db()
    assert row.enabled


def test_who_may_only_look_presses_nothing_and_an_operator_sends_again(people: People, peer: Peer) -> None:
    row = subscribe(peer)
    happen("act-1")
    sent()
    delivery = Delivery.objects.get()
    viewer, operator = people.client("viewer"), people.client("operator")
    assert "Send a test" not in viewer.get(url("change", row.pk)).content.decode()
    for name in ("test", "enable", "disable", "rotate", "replay"):
        assert viewer.post(url(name, row.pk)).status_code == 403
        assert operator.post(url(name, row.pk)).status_code == 403
    resend = url("resend", delivery.pk, model="delivery")
    assert viewer.post(resend).status_code == 403
    assert operator.get(resend).status_code == 405
    assert operator.post(resend).status_code == 302
    assert sent() == 1


def test_a_delivery_shows_its_attempts_and_the_list_costs_the_same_however_long(
    people: People, peer: Peer
) -> None:
    row = subscribe(peer)
    peer.answers(503, b"<b>busy</b>")
    happen("act-1")
    sent()
    viewer = people.client("viewer")
    page = viewer.get(url("change", Delivery.objects.get().pk, model="delivery")).content.decode()
    assert "HTTP 503" in page
    assert "&lt;b&gt;busy&lt;/b&gt;" in page
    address = url("changelist", model="delivery") + f"?subscription={row.pk}&status=pending"
    viewer.get(address)

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert viewer.get(address).status_code == 200
        return len([one for one in asked if "configstamp" not in one["sql"]])

    few = statements()
    happen(*(f"act-{number}" for number in range(30)))
    sent()
    assert statements() == few
    assert viewer.get(address + "&subscription=nonsense").status_code == 200


def test_the_home_page_names_who_takes_nothing(people: People) -> None:
    off, fails = subscribe("https://a.example.com/"), subscribe("https://b.example.com/")
    boss = people.client()
    assert "None fails." in boss.get("/admin/").content.decode()
    now = timezone.now()
    Subscription.objects.filter(pk=off.pk).update(enabled=False, disabled_reason="gone", disabled_at=now)
    Subscription.objects.filter(pk=fails.pk).update(failing_since=now - timedelta(hours=2))
    page = boss.get("/admin/").content.decode()
    assert "subscription switched off" in page
    assert off.name in page
    assert fails.name in page
