"""Pipelines beside the shop's: incidents that page people, and renewals that are tried again for days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.client.samples import sample_orders
from acteon_site.config_files.load import load_paths
from chains_app.models import Run, StepRun
from chains_app.services.advance import runs_sweep
from orders_app.models import Order
from tests.chains_app.gateway import Gateway, webhook
from tests.chains_app.peer import peer_running
from tests.world import FIXTURES, Shop, tag


def loaded(name: str) -> Path:
    folder = FIXTURES.parent / name
    load_paths([folder], actor="tests")
    config_versions.reset()
    return folder


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop()


@pytest.fixture
def gateway(db: None, settings: Any) -> Iterator[Gateway]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as peer:
        yield Gateway(peer)


def days_pass() -> None:
    """What waits for a time is due, and goes on."""
    for _ in range(4):
        runs_sweep()
        far = timedelta(days=8)
        StepRun.objects.filter(retry_at__isnull=False).update(retry_at=F("retry_at") - far)
        StepRun.objects.filter(timed_from__isnull=False).update(timed_from=F("timed_from") - far)
        Run.objects.filter(next_run_at__isnull=False).update(next_run_at=db_now())


@pytest.mark.parametrize("name", ["incidents", "subscriptions"])
def test_the_sample_actions_come_to_what_they_say(shop: Shop, name: str) -> None:
    folder = loaded(name)
    for sample in sample_orders(folder / "actions" / "sample-actions.yaml", "test"):
        outcome = shop.dispatch(dict(sample.action)).json()
        assert tag(outcome) == sample.expected, sample.label
        scope = {key: sample.action[key] for key in ("namespace", "tenant")}
        records = shop.get("/v1/audit", **scope, action_id=sample.action["id"]).json()["records"]
        assert not sample.rule or sample.rule in [one["matched_rule"] for one in records], sample.label


def alert(**payload: Any) -> dict[str, Any]:
    scope = {
        "namespace": "operations",
        "tenant": "platform",
        "provider": "pager",
        "action_type": "raise_alert",
    }
    told = {
        "incident_id": "INC-9",
        "service": "payments",
        "severity": "critical",
        "summary": "down",
        **payload,
    }
    return {**scope, "payload": told}


def test_an_incident_is_acknowledged_by_the_first_line_or_else_by_the_second(
    shop: Shop, gateway: Gateway
) -> None:
    loaded("incidents")
    for provider in ("pager", "status-page"):
        webhook(gateway, provider)
    answered = shop.dispatch(alert()).json()["Executed"]["body"]["chain_id"]
    runs_sweep()
    assert shop.post(f"/v1/chains/{answered}/signal", {"signal": "acknowledged"}).status_code == 200
    runs_sweep()
    assert Order.objects.get(fingerprint="INC-9").state == "acknowledged"
    shop.dispatch(alert(incident_id="INC-10"))
    days_pass()
    lines = [call["payload"]["line"] for call in gateway.calls("page")]
    assert lines == ["first", "first", "second"]
    assert Order.objects.get(fingerprint="INC-10").state == "escalated"


@pytest.mark.parametrize(
    ("declined", "state", "tries"), [(0, "paid", 1), (1, "paid", 2), (2, "paid", 3), (3, "suspended", 3)]
)
def test_a_declined_renewal_is_tried_again_and_then_suspended(
    shop: Shop, gateway: Gateway, declined: int, state: str, tries: int
) -> None:
    loaded("subscriptions")
    webhook(gateway, "billing")
    webhook(gateway, "accounts")
    gateway.script["charge"] = [402] * declined
    payload = {"invoice_id": "INV-9", "subscription_id": "SUB-9", "total_cents": 1900, "currency": "EUR"}
    scope = {"namespace": "subscriptions", "tenant": "saas", "provider": "billing", "action_type": "renew"}
    assert tag(shop.dispatch({**scope, "payload": payload}).json()) == "Executed"
    days_pass()
    order = Order.objects.get()
    assert (order.state, order.status) == (state, "completed")
    assert len(gateway.calls("charge")) == len(gateway.keys("charge")) == tries
    assert len(gateway.calls("suspend")) == (state == "suspended")
