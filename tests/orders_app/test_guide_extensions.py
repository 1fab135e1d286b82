"""The guide's "Extending the Pipeline" and its production notes, each loaded from files and tried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from acteon_site.base import config_versions
from acteon_site.config_files.load import load_paths
from chains_app.models import Run
from chains_app.services.advance import runs_sweep
from orders_app.contract.approval_links import LinkTarget, signature, verified
from tests.chains_app.peer import Peer, peer_running
from tests.world import FIXTURES, Shop, load_shop, order, tag


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with peer_running() as running:
        yield running


@pytest.fixture
def shop(db: None) -> Shop:
    load_shop()
    return Shop()


def load_more(folder: Path, **files: str) -> None:
    """The shop's files with these in place of theirs (or beside them)."""
    for path in FIXTURES.rglob("*.yaml"):
        target = folder / "ecommerce" / path.relative_to(FIXTURES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text())
    for name, text in files.items():
        (folder / "ecommerce" / f"{name}.yaml").write_text(text)
    load_paths([folder / "ecommerce"], actor="test")
    config_versions.reset()


def test_stripe_is_a_webhook_provider_with_a_form_and_secret_headers(
    shop: Shop, peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_KEY", "sk_live_canary")
    providers = (FIXTURES / "providers.yaml").read_text()
    plain = "  - name: payment-gateway\n    type: log\n"
    assert plain in providers
    stripe = f"""  - name: payment-gateway
    type: webhook
    url: "{peer.url}"
    headers:
      Authorization: "Bearer ${{STRIPE_KEY}}"
      Content-Type: application/x-www-form-urlencoded
"""
    peer.answers(200, {"id": "ch_1", "logged": True})
    load_more(tmp_path, providers=providers.replace(plain, stripe))
    outcome = shop.place()
    runs_sweep()
    assert Run.objects.get(pk=outcome["Executed"]["body"]["chain_id"]).status == "completed"
    charge = peer.said[1]
    assert charge.headers["authorization"] == "Bearer sk_live_canary"
    assert charge.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert parse_qs(charge.body.decode())["total_cents"] == ["7999"]


INVENTORY = """
chains:
  - name: order-processing
    timeout_seconds: 120
    trigger: {action_type: place_order, namespace: ecommerce}
    steps:
      - name: check-inventory
        provider: stock
        action_type: inventory_check
        payload_template:
          items: "{{origin.payload.items}}"
          warehouse_region: "{{origin.payload.shipping_country}}"
        branches:
          - {field: body.in_stock, operator: eq, value: true, target: fulfill}
        default_next: notify-backorder
      - name: fulfill
        provider: warehouse
        action_type: ship_order
        default_next: end
      - name: notify-backorder
        provider: email-service
        action_type: backorder
"""


@pytest.mark.parametrize(
    ("in_stock", "path"),
    [(True, ["check-inventory", "fulfill"]), (False, ["check-inventory", "notify-backorder"])],
)
def test_an_inventory_step_branches_and_takes_its_default(
    shop: Shop, peer: Peer, tmp_path: Path, in_stock: bool, path: list[str]
) -> None:
    peer.answers(200, {"in_stock": in_stock})
    stock = f'providers:\n  - name: stock\n    type: webhook\n    url: "{peer.url}"\n'
    load_more(tmp_path, chains=INVENTORY, stock=stock)
    outcome = shop.place()
    assert tag(outcome) == "Executed", outcome
    runs_sweep()
    run = Run.objects.get(pk=outcome["Executed"]["body"]["chain_id"])
    assert (run.status, run.execution_path) == ("completed", path)


def test_status_changes_are_rerouted_to_a_webhook(shop: Shop, peer: Peer, tmp_path: Path) -> None:
    peer.answers(200, {"received": True})
    provider = f'providers:\n  - name: order-webhooks\n    type: webhook\n    url: "{peer.url}"\n'
    rule = """
rules:
  - name: notify-order-status
    priority: 8
    condition:
      all:
        - field: action.action_type
          eq: "order_status_change"
    action:
      type: reroute
      target_provider: "order-webhooks"
"""
    load_more(tmp_path, webhooks=provider + rule)
    outcome = shop.dispatch(
        order(action_type="order_status_change", provider="email-service", payload={"status": "shipped"})
    ).json()
    assert tag(outcome) == "Rerouted"
    assert outcome["Rerouted"]["original_provider"] == "email-service"
    assert outcome["Rerouted"]["new_provider"] == "order-webhooks"
    assert outcome["Rerouted"]["response"]["body"] == {"received": True}
    assert len(peer.said) == 1


def test_a_rule_of_its_own_zone_holds_by_that_zones_clock(shop: Shop, tmp_path: Path) -> None:
    emea = """
rules:
  - name: schedule-emea-after-hours
    priority: 9
    timezone: "Europe/London"
    condition:
      all:
        - field: action.payload.region
          eq: "EMEA"
        - any:
            - field: time.hour
              lt: 9
            - field: time.hour
              gte: 17
    action:
      type: schedule
      delay_seconds: 30
"""
    load_more(tmp_path, emea=emea)
    # 17:30 in London is 12:30 in New York: only the shop of the zone that has closed waits.
    moment = "2026-03-04T17:30:00Z"
    assert tag(shop.place(now=moment, payload={"region": "EMEA"})) == "Scheduled"
    assert tag(shop.place(now=moment, payload={"region": "US"})) == "Executed"
    assert tag(shop.place(now="2026-03-04T16:30:00Z", payload={"region": "EMEA"})) == "Executed"


def test_approval_keys_rotate_two_at_a_time_and_a_decision_is_signed() -> None:
    target = LinkTarget("a:b", "c", "id-1", 1_700_000_000)
    old, new = {"k1": "1" * 64}, {"k2": "2" * 64, "k1": "1" * 64}
    signed = signature(old["k1"], target, "approve")
    assert verified(new, target, "approve", signed, "k1")
    assert verified(new, target, "approve", signed, None)
    assert not verified({"k2": "2" * 64}, target, "approve", signed, None)
    assert not verified(new, target, "reject", signed, "k1")
    # Length prefixes: the same characters cut elsewhere are another message.
    shifted = LinkTarget("a", "b:c", "id-1", 1_700_000_000)
    assert not verified(new, shifted, "approve", signed, "k1")
