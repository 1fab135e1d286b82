"""Retention beside everything else that moves: what comes back to life meanwhile is in force again, and stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connections, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from acteon_site.access.login_limits import attempt_count
from acteon_site.base import config_versions
from acteon_site.models import LoginAttempts
from audit_app import selectors
from audit_app.models import RetentionPolicy
from audit_app.services.reaper import reap
from audit_app.services.relay import relay
from chains_app.models import Incident, Run
from chains_app.services.advance import runs_sweep
from chains_app.services.definitions import chain_save
from chains_app.services.providers import provider_save
from chains_app.services.resuming import run_retry
from orders_app.models import Hold, Order, RememberedAnswer
from orders_app.services.releases import holds_sweep
from rules_app.models import Rule
from tests.chains_app.gateway import CHAIN, Gateway, charging, settle, start, status, step
from tests.chains_app.peer import peer_running
from tests.orders_app.test_races import without
from tests.threads import at_once
from tests.world import NAMESPACE, SCOPE, TENANT, Shop, load_shop, order, publish_rules, tag

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
LONG_AGO = timezone.now() - timedelta(days=100)


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    load_shop()
    without("throttle-merchant-orders", "deny-unmatched")
    return Shop()


@pytest.fixture
def gateway(shop: Shop, settings: Any) -> Iterator[Gateway]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as peer:
        spec = {"name": "peer", "type": "webhook", "url": peer.url, "envelope": True, "timeout_seconds": 5}
        provider_save(spec=spec, actor="test")
        config_versions.reset()
        yield Gateway(peer)


def keep_nothing(seconds: int = 1) -> None:
    ttls = dict.fromkeys(("audit_ttl_seconds", "state_ttl_seconds", "event_ttl_seconds"), seconds)
    RetentionPolicy.objects.create(namespace=NAMESPACE, tenant=TENANT, **ttls)


def reaped_while(change: Callable[[], Any]) -> None:
    """The reaper comes while the change is made and not yet committed."""

    def pass_by() -> None:
        try:
            reap()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            change()
            reaper = pool.submit(pass_by)
            patience = time.monotonic() + 1
            while not reaper.done() and time.monotonic() < patience:
                time.sleep(0.02)
        reaper.result(30)


def test_a_run_that_a_person_resumes_while_the_reaper_passes_goes_on(shop: Shop, gateway: Gateway) -> None:
    gateway.script["do_a"] = [400]
    run = start(shop, step("a"))
    settle(2)
    assert status(run) == "failed"
    Run.objects.update(ended_at=LONG_AGO)
    keep_nothing()
    reaped_while(partial(run_retry, run_id=run.pk, actor="ada"))
    assert status(run) == "running"
    runs_sweep()
    assert status(run) == "completed"


def test_a_key_that_is_taken_anew_while_the_reaper_passes_is_remembered(shop: Shop) -> None:
    shop.dispatch(order(), HTTP_IDEMPOTENCY_KEY="one")
    RememberedAnswer.objects.update(expires_at=LONG_AGO)
    later = timezone.now() + timedelta(days=1)
    reaped_while(partial(RememberedAnswer.objects.update, expires_at=later))
    assert RememberedAnswer.objects.count() == 1


def test_failed_sign_ins_that_are_counted_while_the_reaper_passes_stay_counted(shop: Shop) -> None:
    attempt_count(username="ada", address="192.0.2.1")
    LoginAttempts.objects.update(window_ends_at=LONG_AGO)
    reaped_while(partial(attempt_count, username="ada", address="192.0.2.1"))
    assert LoginAttempts.objects.get().count == 1


def test_orders_chains_and_incidents_come_to_their_ends_beside_a_reaper_that_never_rests(
    shop: Shop, gateway: Gateway
) -> None:
    charging(gateway)
    # Sweepers release by the clock on the wall, at whatever hour this runs.
    Rule.objects.filter(name="schedule-after-hours").delete()
    publish_rules()
    steps = [step("a", point_of_no_return=True), step("b")]
    chain_save(spec={**CHAIN, "steps": steps}, actor="test")
    config_versions.reset()
    gateway.script["do_b"] = [400, 200, 200] * 3  # a third of the chains stops and asks a person
    keep_nothing()
    over = threading.Event()
    background: list[Callable[[], Any]] = [reap, reap, relay, runs_sweep, runs_sweep, holds_sweep]
    fronts = [partial(_sell, shop.secret, number) for number in range(2)]
    jobs: list[Callable[[], Any]] = [partial(_on_and_on, work, over) for work in background]
    at_once([*jobs, partial(_answer_incidents, shop.secret, over), partial(_all, fronts, over)])
    for _ in range(3):
        settle(2)
        holds_sweep()
        _retry_open(shop.client)
    time.sleep(1.1)
    relay()
    reap()
    assert selectors.counters()["retention_errors"] == 0
    # What is in force is there: orders that are paid and not yet delivered.
    assert dict.fromkeys(Order.objects.values_list("status", flat=True)) == {"completed": None}
    assert Order.objects.count() == len(gateway.keys("charge_card")) == 12
    assert len(gateway.keys("do_b")) == 8
    # What has ended is gone, with all that belonged to it.
    assert (Run.objects.count(), Incident.objects.count(), Hold.objects.count()) == (0, 0, 0)
    assert shop.post("/v1/audit/verify", SCOPE).json()["valid"] is True


def _on_and_on(work: Callable[[], Any], over: threading.Event) -> None:
    while not over.is_set():
        work()
        time.sleep(0.01)


def _all(fronts: list[Callable[[], None]], over: threading.Event) -> None:
    try:
        at_once(fronts)
        # Longer than the time to live: what was sold first is deleted while the last is under way.
        time.sleep(2)
    finally:
        over.set()


def _client(secret: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_X_DEMO_NOW="2026-03-04T16:00:00Z")
    return client


def _sell(secret: str, front: int) -> None:
    client = _client(secret)
    for number in range(4):
        name = {"order_id": f"{front}-{number}"}
        assert tag(_place(client, payload=name)) == "Executed"
        assert tag(_place(client, action_type="special_order")) == "Executed"
        if number % 2:
            held = _place(client, payload={"order_id": f"{front}-{number}-high", "total_cents": 60_000})
            link = urlsplit(held["PendingApproval"]["approve_url"])
            assert APIClient().post(f"{link.path}?{link.query}").status_code == 200


def _place(client: APIClient, **changes: Any) -> Any:
    answer = client.post("/v1/dispatch", order(**changes), format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def _answer_incidents(secret: str, over: threading.Event) -> None:
    client = _client(secret)
    while not over.is_set():
        _retry_open(client)
        time.sleep(0.05)


def _retry_open(client: APIClient) -> None:
    for pk in Incident.objects.filter(resolved_at=None).values_list("pk", flat=True):
        assert client.post(f"/v1/incidents/{pk}/retry").status_code in (200, 404, 409)
