"""A request waits for its call, and no sweeper makes it a second time: it is leased as it is stored."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connections

from acteon_site.base import config_versions
from chains_app.models import Provider
from chains_app.providers.base import Answer, Call, ProviderSettings
from chains_app.providers.log import LogKind
from chains_app.services.advance import runs_sweep
from orders_app.pipeline import dispatch
from rules_app.models import Rule
from tests.chains_app.peer import Peer, peer_running, respond
from tests.threads import at_once
from tests.world import SCOPE, Shop, load_shop, publish_rules, tag

pytestmark = pytest.mark.django_db(transaction=True)
SLOW = 0.4


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    load_shop()
    return Shop()


@pytest.fixture
def sweeper() -> Iterator[None]:
    """Another process's sweeper, which never rests."""
    stop = threading.Event()

    def sweep() -> None:
        try:
            while not stop.wait(0.01):
                runs_sweep()
        finally:
            connections.close_all()

    thread = threading.Thread(target=sweep)
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.fixture
def slow_log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whom it was called for so far."""
    call, called = LogKind.call, []

    def slowly(kind: LogKind, settings: ProviderSettings, what: Call) -> Answer:
        called.append(settings.name)
        time.sleep(SLOW)
        return call(kind, settings, what)

    monkeypatch.setattr(LogKind, "call", slowly)
    return called


@pytest.fixture
def slow_peer(settings: Any) -> Iterator[Peer]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as peer:

        def slowly(handler: Any) -> None:
            time.sleep(SLOW)
            respond(handler, 200, b'{"ok": true}', {})

        peer.reply = slowly
        yield peer


def in_force(type_: str, **settings: Any) -> None:
    condition = {"field": "action.action_type", "eq": "ping"}
    Rule.objects.create(name="ping", priority=0, condition=condition, action={"type": type_, **settings})
    publish_rules()


def ping(shop: Shop, provider: str, number: int = 0) -> Any:
    action = {**SCOPE, "provider": provider, "action_type": "ping", "id": f"p-{number}", "payload": {}}
    return shop.dispatch(action).json()


def test_a_call_that_takes_its_time_is_waited_for(shop: Shop, sweeper: None, slow_log: list[str]) -> None:
    in_force("allow")
    answer = ping(shop, "warehouse")["Executed"]
    assert (answer["status"], answer["body"]) == ("success", {"provider": "warehouse", "logged": True})
    assert slow_log == ["warehouse"]


def test_a_webhook_that_takes_its_time_is_waited_for(shop: Shop, slow_peer: Peer, sweeper: None) -> None:
    in_force("allow")
    Provider.objects.create(name="hook", kind="webhook", config={"url": slow_peer.url})
    config_versions.reset()
    answer = ping(shop, "hook")["Executed"]
    assert (answer["status"], answer["body"]) == ("success", {"ok": True})
    assert len(slow_peer.said) == 1


def test_a_notice_that_takes_its_time_is_waited_for(shop: Shop, sweeper: None, slow_log: list[str]) -> None:
    in_force("request_approval", notify_provider="mailer", timeout_seconds=60)
    Provider.objects.create(name="mailer", kind="log")
    config_versions.reset()
    assert ping(shop, "warehouse")["PendingApproval"]["notification_sent"] is True


@pytest.mark.postgres
def test_sixteen_at_once_beside_a_sweeper_all_have_their_answers(shop: Shop, sweeper: None) -> None:
    in_force("allow")
    jobs: list[Callable[[], Any]] = [partial(ping, shop, "warehouse", number) for number in range(64)]
    told = [outcome for first in range(0, 64, 16) for outcome in at_once(jobs[first : first + 16])]
    assert {tag(outcome) for outcome in told} == {"Executed"}
    assert {outcome["Executed"]["status"] for outcome in told} == {"success"}


def test_a_call_that_is_not_over_in_time_answers_partial(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, slow_peer: Peer
) -> None:
    monkeypatch.setattr(dispatch, "CALL_SECONDS", SLOW / 4)
    in_force("allow")
    Provider.objects.create(name="hook", kind="webhook", config={"url": slow_peer.url})
    config_versions.reset()
    assert ping(shop, "hook")["Executed"] == {"status": "partial", "body": {}, "headers": {}}
