"""A backfill whose calls are slow: the request ends in time, says what is left, and the next one does that."""

from __future__ import annotations

import time
from collections import Counter
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from acteon_site.base import config_versions
from chains_app.services.providers import provider_save
from orders_app.models import RecurringAction, RecurringFiring
from tests.chains_app.gateway import Gateway
from tests.chains_app.peer import respond
from tests.orders_app.recurring.world import PATH, Clock, made
from tests.people import People, told
from tests.world import SCOPE, Shop

pytestmark = pytest.mark.django_db
SLOW, WAITS = 0.3, 0.5
MINUTES = 6


@pytest.fixture
def row(open_shop: Shop, clock: Clock, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> RecurringAction:
    """Of a provider that takes its time. Nothing of the last six minutes was fired."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(SLOW)
        respond(handler, 200, b'{"logged": true}', {})

    gateway.peer.reply = reply
    provider_save(spec={"name": "email-service", "type": "webhook", "url": gateway.peer.url}, actor="test")
    config_versions.reset()
    monkeypatch.setattr("orders_app.services.recurring.by_hand.WAITS", WAITS)
    return made(overlap_policy="skip")


def backfill(shop: Shop, clock: Clock, row: RecurringAction, **more: Any) -> dict[str, Any]:
    span = {"start": clock.back(MINUTES - 1).isoformat(), "end": clock.minute.isoformat()}
    answer: dict[str, Any] = shop.post(f"{PATH}/{row.pk}/backfill", {**SCOPE, **span, **more}).json()
    return answer


@pytest.mark.parametrize("policy", ["skip", "allow_all"])
def test_it_ends_when_its_time_is_over_and_the_same_request_does_the_rest(
    open_shop: Shop,
    clock: Clock,
    row: RecurringAction,
    gateway: Gateway,
    policy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orders_app.services.recurring.by_hand.SET", 2)
    first = backfill(open_shop, clock, row, overlap_policy=policy)
    assert first["occurrences"] == MINUTES
    came = [one["outcome"] for one in first["results"]]
    assert came == ["executed"] * first["dispatched"] + ["left"] * (MINUTES - first["dispatched"])
    assert 0 < first["dispatched"] < MINUTES
    assert all("ask again" in one["error"] for one in first["results"] if one["outcome"] == "left")
    assert RecurringFiring.objects.count() == first["dispatched"] == len(gateway.peer.said)
    for _ in range(MINUTES):
        last = backfill(open_shop, clock, row, overlap_policy=policy)
    assert Counter(one["outcome"] for one in last["results"]) == {"already_fired": MINUTES}
    assert len(gateway.peer.said) == MINUTES


def test_the_page_says_how_many_are_left(
    open_shop: Shop, clock: Clock, row: RecurringAction, people: People
) -> None:
    span = {"start": f"{clock.back(MINUTES - 1):%Y-%m-%d %H:%M}", "end": f"{clock.minute:%Y-%m-%d %H:%M}"}
    url = f"/admin/orders_app/recurringaction/{row.pk}/backfill/"
    asked = {**span, "limit": "100", "overlap": "", "do": "fire"}
    assert "press Backfill again" in told(people.client().post(url, asked))
