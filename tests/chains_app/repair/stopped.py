"""Runs that stopped, as they stop in life: refused by a provider, refunded, placed anew meanwhile, parked."""

from __future__ import annotations

from acteon_site.base.clock import db_now
from chains_app.models import CircuitBreaker, Incident, Run
from tests.chains_app.gateway import Gateway, placed, settle
from tests.world import Shop


def failed(shop: Shop, gateway: Gateway, name: str = "o-1", kind: str = "validate_order") -> Run:
    """A dead letter: the provider refused this kind of call. Nothing of it stands."""
    gateway.script[kind] = [422]
    run = placed(shop, dedup_key=f"key-{name}", payload={"order_id": name})
    settle(4)
    run.refresh_from_db()
    assert (run.status, run.dead_lettered_at is None) == ("failed", False)
    return run


def refunded(shop: Shop, gateway: Gateway, name: str = "refunded") -> Run:
    """A dead letter that was charged and refunded: the warehouse would not ship it."""
    gateway.script["ship_order"] = [422] * 9
    run = placed(shop, dedup_key=f"key-{name}", payload={"order_id": name})
    settle(6)
    gateway.script.clear()
    run.refresh_from_db()
    assert run.steps.filter(undo="done").exists()
    return run


def placed_anew(shop: Shop, gateway: Gateway, name: str = "twice") -> Run:
    """A dead letter whose order the shop has sent once more."""
    run = failed(shop, gateway, name)
    placed(shop, dedup_key=f"key-{name}", payload={"order_id": name})
    settle(2)
    return run


def parked(shop: Shop, name: str = "o-9") -> Incident:
    """An incident: the gateway's breaker is open and its fallback holds the order for review."""
    breakers = CircuitBreaker.objects.filter(provider="payment-gateway")
    breakers.update(state="open", opened_at=db_now())
    run = placed(shop, dedup_key=f"key-{name}", payload={"order_id": name})
    settle(2)
    CircuitBreaker.objects.update(state="closed", opened_at=None)
    return Incident.objects.get(run=run, resolved_at=None)
